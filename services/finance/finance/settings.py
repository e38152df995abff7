"""Finance needs no settings beyond those of every service."""

from suizhuan.settings import ServiceSettings as Settings

__all__ = ["Settings"]
