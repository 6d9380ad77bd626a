"""Programs that measure; their figures stand in docs."""
