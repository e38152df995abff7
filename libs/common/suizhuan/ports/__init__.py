"""What the core needs from outside, as protocols; `suizhuan.adapters` holds what fulfils them."""
