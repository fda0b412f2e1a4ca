"""Export and erasure of the data that ingest holds on a person."""
