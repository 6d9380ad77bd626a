"""How many products there are of what: counted where few entries of an index settle it, else estimated."""
