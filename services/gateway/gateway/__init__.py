"""The gateway service (网关)."""
