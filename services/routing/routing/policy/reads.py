"""The sections of the policy that routing reads."""

from baton.policy.definitions import DEFINITIONS
from baton.policy.model import PolicyExtract
from baton.policy.section import Section
from baton.policy.teams import TEAMS
from routing.policy.routing import ROUTING


class PromiseNames(PolicyExtract):
    """The names of the SLA policies in sla.yaml. Routing does not read their targets."""

    policies: dict[str, object]


PROMISE_NAMES = Section("sla.yaml", PromiseNames)

READS = (DEFINITIONS, TEAMS, ROUTING, PROMISE_NAMES)
