"""Decides the clocks of a lead when a fact arrives or a due time has passed."""

from sla_monitor.domain.deciding import SUBSCRIPTION, Bundles, ClockRow, decide
from sla_monitor.domain.state import LeadClocks

__all__ = ["SUBSCRIPTION", "Bundles", "ClockRow", "LeadClocks", "decide"]
