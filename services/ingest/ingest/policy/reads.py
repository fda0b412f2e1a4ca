"""What ingest reads of the policy."""

from baton.policy.definitions import DEFINITIONS
from ingest.policy.sources import SOURCES

READS = (DEFINITIONS, SOURCES)
