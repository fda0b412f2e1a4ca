"""The way of an event to Kafka, with the spool in PostgreSQL for when Kafka is away."""
