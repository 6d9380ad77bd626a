"""Files become products: market prices, lists, and our own wire format, in the forms in which people have them."""
