"""`python -m gateway [api|worker|all|migrate]`, and `python -m gateway audit [--json]`."""

from __future__ import annotations

import sys

from gateway.app import build, rules_of
from gateway.auditor import cli
from gateway.settings import Settings
from suizhuan.adapters.connect import connect_log
from suizhuan.kernel.clock import SystemClock
from suizhuan.logs import configure_logs
from suizhuan.main import run
from suizhuan.profile import load_profile
from suizhuan.settings import load_settings


def main() -> None:
    """Run the service, or the auditor, which needs the log and nothing else."""
    if sys.argv[1:2] == ["audit"]:
        sys.exit(audit(sys.argv[2:]))
    run("gateway", build)


def audit(arguments: list[str]) -> int:
    """Errors are exit codes: see `gateway.auditor.cli`."""
    settings = load_settings(Settings, "gateway")
    configure_logs(settings)
    log, rules = connect_log(settings, SystemClock()), rules_of(load_profile(settings.profile))
    return cli.main(log, rules, arguments, settings.topics)


if __name__ == "__main__":
    main()
