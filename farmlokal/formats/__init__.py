"""How values are written in the settings, where the settings check them and another package reads them."""
