"""A two-tier read-through cache for asyncio: the process's memory, then Redis, then the caller's loader.

It knows nothing of what it keeps: a value is finished bytes with a validator and a few named strings.
"""
