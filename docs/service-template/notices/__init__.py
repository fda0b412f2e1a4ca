"""Keeps notices for the sales floor."""
