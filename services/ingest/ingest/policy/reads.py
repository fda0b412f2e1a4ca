"""The sections of the policy that ingest reads."""

from baton.policy.definitions import DEFINITIONS
from ingest.policy.sources import SOURCES

READS = (DEFINITIONS, SOURCES)
