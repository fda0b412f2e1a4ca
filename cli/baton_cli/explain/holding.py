"""The quarantine's part of a lead's story: stopped enquiries, and the decisions on them."""

from collections.abc import Iterator, Sequence

from baton_cli.explain.reasons import criteria
from baton_cli.explain.story import Detail, Happening, Kind, Mark
from baton_cli.explain.views import QuarantinedEnquiry


def happened(enquiries: Sequence[QuarantinedEnquiry]) -> Iterator[Happening]:
    """Each enquiry that was held, and what somebody decided about it."""
    for enquiry in enquiries:
        yield Happening(
            at=enquiry.received_at,
            kind=Kind.IN_QUARANTINE,
            says=f"Enquiry from {enquiry.source} put in quarantine",
            details=tuple(
                Detail(says=f"{enquiry.rule}: {found.reason.label}", on=found.on, mark=Mark.YES)
                for found in criteria(enquiry.reasons)
            ),
        )
        if enquiry.decision is not None and enquiry.decided_at is not None:
            why = f": {enquiry.why}" if enquiry.why else ""
            yield Happening(
                at=enquiry.decided_at,
                kind=Kind.LET_GO,
                says=f"Enquiry {enquiry.decision} from quarantine by {enquiry.decided_by}{why}",
            )


def standing(enquiries: Sequence[QuarantinedEnquiry]) -> str | None:
    """The enquiries that wait for a decision, or None."""
    waiting = [enquiry.rule for enquiry in enquiries if enquiry.decision is None]
    if not waiting:
        return None
    rules = ", ".join(dict.fromkeys(waiting))
    return f"in quarantine ({rules}), until somebody releases or discards it"
