"""Runs this service's migrations; how is the same for all services."""

from notices.tables import METADATA

from baton.migrations import run_env

run_env(METADATA)
