"""Volunteers has no settings of its own."""

from suizhuan.settings import ServiceSettings as Settings

__all__ = ["Settings"]
