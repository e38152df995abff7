"""The mandates service (权责)."""
