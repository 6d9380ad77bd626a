"""The partner simulator: a real HTTP server that stands in for the marketplace partner (tokens and product feed)."""
