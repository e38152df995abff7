"""The finance service (经费)."""
