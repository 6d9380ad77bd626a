"""The HTTP side: parameters in, responses and problem details out."""
