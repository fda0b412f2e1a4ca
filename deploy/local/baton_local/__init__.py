"""Kafka, PostgreSQL and Baton's services on this machine, with neither containers nor root."""
