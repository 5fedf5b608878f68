"""Each proxy with the same table, keys and claims."""
