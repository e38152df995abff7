"""The pure domain of mandates: standard library and `suizhuan.kernel` only."""
