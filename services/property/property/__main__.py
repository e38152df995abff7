"""`python -m property [api|worker|all|migrate|bootstrap FILE]`."""

from property.app import build
from property.bootstrap import from_file
from suizhuan.main import run


def main() -> None:
    """Run the service."""
    run("property", build, {"bootstrap": from_file})


if __name__ == "__main__":
    main()
