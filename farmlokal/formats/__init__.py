"""How values are written, where several packages go by it: in the settings, and in all text that comes in."""
