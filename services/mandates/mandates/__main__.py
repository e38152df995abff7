"""`python -m mandates [api|worker|all|migrate|bootstrap FILE]`."""

from mandates.app import build
from mandates.bootstrap import command
from suizhuan.main import run


def main() -> None:
    """Run the service."""
    run("mandates", build, {"bootstrap": command})


if __name__ == "__main__":
    main()
