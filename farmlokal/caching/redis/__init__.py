"""The second tier: Redis, shared by every process."""
