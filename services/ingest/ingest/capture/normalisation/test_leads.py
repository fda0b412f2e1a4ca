"""Which enquiries are trials: nobody asked for anything, so nobody gets them or counts them."""

from collections.abc import Mapping

from pydantic import JsonValue

from baton.events import Profile
from baton.policy.definitions import Definitions
from baton.policy.fields import facts_of
from ingest.capture.normalisation.names import flat

DECLARED, VENDOR = "declared", "vendor"

_TRUE_IN_A_TRIAL = frozenset({"istest", "testlead"})
_FALSE_IN_A_TRIAL = frozenset({"livemode"})
_ADDRESSES = frozenset({"test@fb.com", "test@meta.com"})
_FILLED_IN = "<test lead: dummy data for"
"""Values that Meta's form testing tool fills in, beside its addresses."""


def mark(
    declared: bool,  # noqa: FBT001 - the field of a delivery
    profile: Profile,
    answers: Mapping[str, JsonValue],
    definitions: Definitions,
) -> str | None:
    """How an enquiry was recognised as a test lead: by the sender, the vendor, or the id of a rule
    of the bundle. None for a real enquiry.
    """
    if declared:
        return DECLARED
    if _is_marked(answers) or _is_filled_in(profile):
        return VENDOR
    facts = facts_of(profile)
    return next((t.id for t in definitions.test_leads if t.when.holds(facts)), None)


def _is_marked(answers: Mapping[str, JsonValue]) -> bool:
    """By a field of the payload, as Google Ads, Gong and others have it."""
    for path, value in answers.items():
        if not isinstance(value, bool | str):
            continue
        name, text = flat(path.rpartition(".")[2]), str(value).lower()
        if (text == "true" and name in _TRUE_IN_A_TRIAL) or (
            text == "false" and name in _FALSE_IN_A_TRIAL
        ):
            return True
    return False


def _is_filled_in(profile: Profile) -> bool:
    contact = profile.contact
    texts = (contact.first_name, contact.last_name, contact.email, profile.company.name)
    return contact.email in _ADDRESSES or any(
        text is not None and text.lower().startswith(_FILLED_IN) for text in texts
    )
