"""The pure domain of property: standard library and `suizhuan.kernel` only."""
