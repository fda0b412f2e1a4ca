"""When deliveries of each source arrive, and which source has gone quiet."""
