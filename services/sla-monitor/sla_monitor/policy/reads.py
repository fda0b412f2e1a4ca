"""The sections of the policy that the SLA monitor reads."""

from baton.policy.calendars import CALENDARS
from baton.policy.model import Flag, PolicyExtract
from baton.policy.section import Section
from baton.policy.teams import TEAMS
from sla_monitor.policy.sla import SLA


class Reassignment(PolicyExtract):
    """Of routing.yaml: whether a breach can take a lead from its rep."""

    reassign_on_breach: Flag


REASSIGNMENT = Section("routing.yaml", Reassignment)

READS = (CALENDARS, TEAMS, SLA, REASSIGNMENT)
