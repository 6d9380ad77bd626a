"""Files become products: the price CSV of India's open data portal, and our own wire format as NDJSON and CSV."""
