"""Mechanisms against failure and overload. They know nothing of what they protect."""
