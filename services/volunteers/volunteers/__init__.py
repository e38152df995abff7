"""The volunteers service (志愿)."""
