"""FarmLokal: the product-listing service of a hyperlocal farm marketplace."""

# Read by setup.py, too. To ask the installed package's metadata for it would take a thirtieth of a start.
__version__ = "0.1.0"
