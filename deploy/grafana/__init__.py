"""Grafana's dashboards as code: `python -m deploy.grafana` writes them, `--check` only compares."""
