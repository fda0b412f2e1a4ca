"""Ingest's HTTP interface: what it lets in, how it reads bodies, and how it answers."""
