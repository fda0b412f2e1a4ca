"""`make demo`: leads on their way from a form to a rep, on a real Kafka and PostgreSQL."""
