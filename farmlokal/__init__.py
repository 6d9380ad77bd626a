"""FarmLokal: the product-listing service of a hyperlocal farm marketplace."""

from importlib.metadata import version

__version__ = version("farmlokal")
