"""Which index, or which several, a page is read through: decided from a random sample of the catalogue.

For a filter that a share s of N products pass, walking the sort order costs about limit / s index entries and sorting
the filter's own range about N · s. The smaller of the two is at most √(limit · N), the wrong one up to N. A database's
optimiser does not know s where filters are correlated, and hopes for the best of a LIMIT; the sample shows both.
"""
