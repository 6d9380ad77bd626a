"""The tests; `make test` runs the quick ones, `make proof` the slow ones."""
