"""Makes the alias table of search from its sources; see `__main__`."""
