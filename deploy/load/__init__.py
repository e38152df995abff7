"""A steady load of the complaint life cycle on a running platform of this machine: `make load`."""
