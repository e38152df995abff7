"""The shared part of every Suizhuan service."""
