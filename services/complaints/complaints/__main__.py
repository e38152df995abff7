"""`python -m complaints [api|worker|all|migrate]`."""

from complaints.app import build
from suizhuan.main import run


def main() -> None:
    """Run the service."""
    run("complaints", build)


if __name__ == "__main__":
    main()
