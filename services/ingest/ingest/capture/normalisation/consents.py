"""Converts the words of forms and senders to a consent status. Only a clear yes counts as granted,
and only a clear no as denied. Pending consent, a missing question and a box that was not ticked
(`false`, `off`, `0`) are unknown: the person may have overlooked the box.
"""

from datetime import datetime

from baton.events import Consent, ConsentStatus
from ingest.capture.normalisation.names import flat

_WORDS = {
    ConsentStatus.GRANTED: (
        "granted yes true on 1 y opt-in opted-in subscribed agree agreed accept accepted "
        "consented confirmed checked ja oui sí"
    ),
    ConsentStatus.DENIED: (
        "denied no n opt-out opted-out unsubscribed disagree disagreed decline declined refused "
        "rejected withdrawn nein non"
    ),
    ConsentStatus.UNKNOWN: (
        "unknown none null n/a pending not-asked not-specified unspecified unset unconfirmed "
        "nonsubscribed false off 0 unchecked unticked"
    ),
}
_STATUS = {flat(word): status for status, words in _WORDS.items() for word in words.split()}


def status(value: object) -> object:
    """The status that a value says; the value itself where it says none."""
    if value is None or isinstance(value, bool):
        return _STATUS[flat(str(value))]
    if isinstance(value, str):
        return _STATUS.get(flat(value), value) if value.strip() else ConsentStatus.UNKNOWN
    return value


def dated(consent: Consent, occurred_at: datetime) -> Consent:
    """The consent with its time: what was said with an enquiry was said when that was made."""
    if consent.status is ConsentStatus.UNKNOWN or consent.at is not None:
        return consent
    return consent.model_copy(update={"at": occurred_at})
