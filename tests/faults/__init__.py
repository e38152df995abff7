"""Faults on the real stack: processes killed, servers restarted, a consumer frozen, under load; then a check.

`make test-faults` for five minutes, `SEED=` and `SECONDS=` to choose; 60 seconds of it are part of `make check-full`.
"""
