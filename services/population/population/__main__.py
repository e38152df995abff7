"""`python -m population [api|worker|all|migrate|bootstrap FILE|import FILE AREA ORG]`."""

from population.app import build
from population.bootstrap import from_file
from population.import_command import import_file
from suizhuan.main import run


def main() -> None:
    """Run the service."""
    run("population", build, {"bootstrap": from_file, "import": import_file})


if __name__ == "__main__":
    main()
