"""Search: from the words that people use to the names that they mean. In memory, and without waiting for anything.

A catalogue of a million products has some thousand different names. What is typed is matched against those, and the
database is asked for the products of the names alone.
"""
