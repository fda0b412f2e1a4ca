"""What becomes of a lead's clocks when a fact comes, or the time that was given has passed."""

from sla_monitor.domain.deciding import SUBSCRIPTION, Bundles, ClockRow, decide
from sla_monitor.domain.state import LeadClocks

__all__ = ["SUBSCRIPTION", "Bundles", "ClockRow", "LeadClocks", "decide"]
