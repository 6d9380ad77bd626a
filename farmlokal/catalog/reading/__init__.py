"""Answers from the catalogue: statements, and the bodies that are made of their rows."""
