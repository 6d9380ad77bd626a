"""Starts all that the service needs, lets locust load it, and stops it: what `make load` runs."""
