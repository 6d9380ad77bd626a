"""The rate limit: how much each client may ask, decided in this process and reconciled with the others behind."""
