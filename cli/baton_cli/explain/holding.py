"""What a rule of the bundle has held back, and who let it go: the quarantine's part of a story."""

from collections.abc import Iterator, Sequence

from baton_cli.explain.reasons import criteria
from baton_cli.explain.story import Detail, Happening, Kind, Mark
from baton_cli.explain.views import Held


def happened(held: Sequence[Held]) -> Iterator[Happening]:
    """Each enquiry that was held, and what somebody decided about it."""
    for each in held:
        yield Happening(
            at=each.received_at,
            kind=Kind.HELD,
            says=f"Enquiry from {each.source} put in quarantine",
            details=tuple(
                Detail(says=f"{each.rule}: {found.whole.label}", on=found.on, mark=Mark.YES)
                for found in criteria(each.reasons)
            ),
        )
        if each.decision is not None and each.decided_at is not None:
            why = f": {each.why}" if each.why else ""
            yield Happening(
                at=each.decided_at,
                kind=Kind.LET_GO,
                says=f"Enquiry {each.decision} from quarantine by {each.decided_by}{why}",
            )


def standing(held: Sequence[Held]) -> str | None:
    """What waits for a decision; None where nothing does."""
    waiting = [each.rule for each in held if each.decision is None]
    if not waiting:
        return None
    rules = ", ".join(dict.fromkeys(waiting))
    return f"in quarantine ({rules}), until somebody releases or discards it"
