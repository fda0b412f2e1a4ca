"""Whether marketing may write, in three states, from the words that forms and senders have for it.

Only a clear yes is one, and only a clear no: what is pending, or was not asked, is unknown, and so
is a box that nobody ticked (`false`, `off`, `0`), since it is sent of whoever passed it over.
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


def status(said: object) -> object:
    """The status that a value says; the value itself where it says none."""
    if said is None or isinstance(said, bool):
        return _STATUS[flat(str(said))]
    if isinstance(said, str):
        return _STATUS.get(flat(said), said) if said.strip() else ConsentStatus.UNKNOWN
    return said


def dated(said: Consent, occurred_at: datetime) -> Consent:
    """The consent with its time: what was said with an enquiry was said when that was made."""
    if said.status is ConsentStatus.UNKNOWN or said.at is not None:
        return said
    return said.model_copy(update={"at": occurred_at})
