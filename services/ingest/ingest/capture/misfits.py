"""Leads of senders that can't mend what they sent: an answer that does not fit holds none back."""

from collections.abc import Iterable

from pydantic import JsonValue, ValidationError

from baton.policy.definitions import CustomValueError, Definitions
from ingest.capture import submissions
from ingest.capture.submissions import LeadIn
from ingest.senders.kit.payloads import Path, at, without

_NEEDED = frozenset({"source", "brand", "delivery_id", "occurred_at", "test", "history", "answers"})
"""Fields that identify the event, its time and its kind. A wrong value there means that the mapping
is wrong.
"""


def fitted(
    document: dict[str, JsonValue], definitions: Definitions
) -> tuple[LeadIn, tuple[str, ...]]:
    """The lead, with each value that does not fit its field among the raw answers, and their paths.

    Raises RejectedError where that is not enough.
    """
    misfits: dict[Path, JsonValue] = {}
    try:
        lead = LeadIn.model_validate(document)
    except ValidationError as error:
        places = (_place(document, problem["loc"]) for problem in error.errors(include_url=False))
        misfits |= {
            place: at(document, place) for place in places if place and place[0] not in _NEEDED
        }
        lead = submissions.read(LeadIn, _without_all(document, misfits))
    custom = dict(lead.custom)
    for name, value in lead.custom.items():
        field = definitions.custom_field(name)
        try:
            if field is not None:
                field.coerce(value)
        except CustomValueError:
            misfits["custom", name] = custom.pop(name)
    texts = {".".join(place): value for place, value in misfits.items()}
    answers = dict(lead.answers)
    for name, value in texts.items():
        answers[f"{name} as sent" if name in answers else name] = value
    return lead.model_copy(update={"custom": custom, "answers": answers}), tuple(texts)


def _place(document: JsonValue, loc: tuple[int | str, ...]) -> Path:
    """Where the value stands that is wrong: of a list the whole; () where none does."""
    place: Path = ()
    for step in loc:
        if not isinstance(document, dict) or step not in document:
            break
        document = document[str(step)]
        place = (*place, str(step))
    return place


def _without_all(document: JsonValue, places: Iterable[Path]) -> JsonValue:
    for place in places:
        document = without(document, place)
    return document
