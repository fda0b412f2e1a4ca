"""Decides from the outside whether Baton kept its promises: by APIs, topics and metrics alone."""
