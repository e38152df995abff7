"""`python -m deploy.demo_issuer --port 8090 --data data/demo-issuer`: the demonstration issuer on its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from deploy.demo_issuer.app import ISSUER, create_issuer_app, load_clients, load_people
from suizhuan.edge import KEEP_ALIVE_S

WARNING = f"""\
WARNING: this is the demonstration issuer ({ISSUER}). It signs a token for anybody as anybody.
警告：这是演示签发方，可为任何人签发任何身份的令牌。Only services with trust_demo_issuer accept it.
"""


def serve(app: FastAPI, host: str, port: int) -> None:
    """With its warning, until stopped."""
    print(WARNING, file=sys.stderr, flush=True)
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S)


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo_issuer", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--data", type=Path, default=Path("data/demo-issuer"), help="folder of the key")
    parser.add_argument("--people", type=Path, help="JSON list of {id, kind, org, zh, en}")
    parser.add_argument("--clients", type=Path, help="JSON list of {id, secret, kind, org, scope}")
    parser.add_argument("--audience", default="suizhuan")
    parser.add_argument("--base-url", help="its address as others reach it")
    arguments = parser.parse_args(argv)
    app = create_issuer_app(
        arguments.data,
        people=load_people(arguments.people) if arguments.people else (),
        clients=load_clients(arguments.clients) if arguments.clients else (),
        audience=arguments.audience,
        base_url=arguments.base_url,
    )
    serve(app, arguments.host, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
