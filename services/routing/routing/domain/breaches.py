"""A promise was broken: the lead goes to another rep, if there is one who can take it.

Where nobody else can, the owner keeps it, since a late owner is better than none. So it is where
the rep has spoken with the lead meanwhile, if late: a second caller would only confuse.
"""

from baton.events import ReleaseCode, SlaBreached
from routing.domain.handling import Handling

KEPT = "kept"


def breached(handling: Handling, data: SlaBreached) -> None:
    """Reassign the lead; a breach of any but the current assignment changes nothing."""
    held = handling.lead.held
    if held is None or held.id != data.assignment_id or not held.open:
        return
    if not (data.reassign and handling.bundle.routing.reassign_on_breach):
        return
    if not handling.qualified:
        handling.decide(KEPT)
        return
    asked, found, chosen = handling.choose()
    if chosen.rep is None:
        handling.decide(KEPT, asked, chosen)
        return
    handling.release(ReleaseCode.BREACHED)
    handling.assign(asked, found, chosen)
