"""Our path against its peers and limits, in one run on one machine."""
