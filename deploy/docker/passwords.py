"""`python3 -m deploy.docker.passwords [FOLDER [HOST]]`: the passwords of a platform in containers, each in a file of
its own. HOST is that of the databases, such as `{service}-db-rw`.

Files that are there stay as they are, so it can be run again when a service joins. Needs nothing but Python.
The folder is for its owner alone; inside it files can be read, for containers run as users of their own.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from deploy.access import LOGINS
from deploy.topology import BY_NAME

FOLDER = Path(__file__).with_name("secrets")


def main(folder: Path = FOLDER, host: str = "postgres") -> None:
    """Make what is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)

    def kept(name: str, made: str | None = None) -> str:
        file = folder / name
        if not file.exists():
            file.write_text(made or secrets.token_urlsafe(32))
            file.chmod(0o644)
        return file.read_text().strip()

    for login in ("admin", "controller", *LOGINS):
        kept(f"kafka_{login}")
    kept("postgres")
    for service in BY_NAME:
        password = kept(f"postgres_{service}")
        kept(
            f"database_url_{service}",
            f"postgresql+asyncpg://{service}:{password}@{host.format(service=service)}/{service}",
        )
    kept("redis_url", f"redis://:{kept('redis')}@redis:6379/0")
    kept("gateway_webhook_key", secrets.token_hex(32))
    kept("population_id_secret", secrets.token_hex(32))
    kept("grafana")
    print(f"{folder}: {len(list(folder.iterdir()))} secrets / 个密钥文件")


if __name__ == "__main__":
    folder, *host = sys.argv[1:3] or [str(FOLDER)]
    main(Path(folder), *host)
