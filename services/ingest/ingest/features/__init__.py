"""Features beside capture, each with its table and its API."""
