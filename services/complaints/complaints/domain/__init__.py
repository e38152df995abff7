"""The pure domain of complaints: standard library and `suizhuan.kernel` only."""
