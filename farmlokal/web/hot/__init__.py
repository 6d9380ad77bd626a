"""The hot path: pages of the listing answered below aiohttp's routes, middlewares and response objects."""
