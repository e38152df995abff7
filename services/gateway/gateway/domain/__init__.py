"""The pure domain of gateway: standard library and `suizhuan.kernel` only."""
