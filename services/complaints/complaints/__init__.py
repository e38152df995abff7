"""The complaints service (诉求)."""
