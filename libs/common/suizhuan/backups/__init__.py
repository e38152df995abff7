"""A copy of one service's database in one file, and a database made from it again (ADR 24)."""
