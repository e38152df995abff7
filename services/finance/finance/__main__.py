"""`python -m finance [api|worker|all|migrate|bootstrap FILE]`."""

from finance.app import build
from finance.bootstrap import from_file
from suizhuan.main import run

if __name__ == "__main__":
    run("finance", build, {"bootstrap": from_file})
