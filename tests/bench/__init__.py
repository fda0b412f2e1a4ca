"""`make bench`: how fast Baton is, what it costs, and beside each figure the floor under it."""
