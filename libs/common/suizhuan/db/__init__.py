"""The database layer: one code for SQLite and PostgreSQL."""
