"""The pure domain of finance: standard library and `suizhuan.kernel` only."""
