"""The partner's feed into the catalogue, one run at a time."""
