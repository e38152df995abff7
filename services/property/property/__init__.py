"""The property service (物业)."""
