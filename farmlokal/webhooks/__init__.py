"""The partner's events: verified, remembered, made to take effect exactly once. Knows nothing of HTTP."""
