"""Alembic's entry."""

from suizhuan.db.migrate import run_env

run_env()
