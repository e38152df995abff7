"""The pure domain of volunteers: standard library and `suizhuan.kernel` only."""
