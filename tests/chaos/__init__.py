"""Baton under fire: a seeded workload, seeded faults, and a checker that stands outside."""
