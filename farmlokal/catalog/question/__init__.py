"""What may be asked of the listing: its filters, its sorts, and positions in them."""
