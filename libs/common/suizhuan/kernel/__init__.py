"""Pure building blocks: standard library only, so that every `domain/` may import them."""
