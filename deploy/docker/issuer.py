"""`python -m deploy.docker.issuer`: the demonstration issuer with the people of 项里街道. It signs for anybody."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.demo_issuer.__main__ import serve
from deploy.demo_issuer.app import create_issuer_app
from deploy.people import clients, people
from suizhuan.profile import load_profile
from suizhuan.seed import load_seed

SEED = Path(__file__).parents[1] / "seed" / "xiangli.seed.yaml"


def main() -> None:
    seed = load_seed(SEED, load_profile(os.environ.get("SUIZHUAN_PROFILE", "demonstration")))
    app = create_issuer_app(
        Path(os.environ.get("SUIZHUAN_DATA_DIR", "data")),
        people=people(seed),
        clients=clients(),
        base_url=os.environ["BASE_URL"],
    )
    serve(app, "0.0.0.0", 8090)  # noqa: S104  (inside its container)


if __name__ == "__main__":
    main()
