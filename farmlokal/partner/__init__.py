"""The partner: its access token, a client that neither gives up nor piles on, and its feed."""
