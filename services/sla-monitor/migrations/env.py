"""Runs this service's migrations; how is the same for all services."""

from baton.migrations import run_env
from sla_monitor.tables import METADATA

run_env(METADATA)
