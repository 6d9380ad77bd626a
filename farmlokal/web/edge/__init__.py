"""What every request passes and every answer carries, whichever route it is of."""
