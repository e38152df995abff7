"""`python -m volunteers [api|worker|all|migrate|bootstrap FILE]`."""

from suizhuan.main import run
from volunteers.app import build
from volunteers.bootstrap import from_file


def main() -> None:
    """Run the service."""
    run("volunteers", build, {"bootstrap": from_file})


if __name__ == "__main__":
    main()
