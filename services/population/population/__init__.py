"""Population 人口: areas and grids, buildings, households, people, classified files."""
