"""The pure rules of population."""
