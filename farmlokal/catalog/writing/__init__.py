"""Changes to the catalogue, decided by their versions."""
