"""The kind of an entry in a file, and its route."""

import json
from dataclasses import dataclass
from enum import StrEnum

from baton_cli.send.reading import Broken, Entry


class Kind(StrEnum):
    """The kind of a line, from its field `kind`."""

    LEAD = "lead"
    ACTIVITY = "activity"
    FOLLOWUP = "followup"

    @property
    def path(self) -> str:
        """Where ingest takes it."""
        return _PATHS[self]


_PATHS = {
    Kind.LEAD: "/v1/leads",
    Kind.ACTIVITY: "/v1/activities",
    Kind.FOLLOWUP: "/v1/followups",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """The body to send. A line without `kind` is sent unchanged."""

    line: int
    kind: Kind
    body: bytes


def delivery(entry: Entry, otherwise: Kind) -> Delivery | Broken:
    """The delivery of an entry. `otherwise` is what it is if it does not say."""
    document = entry.document
    if not isinstance(document, dict):
        return Broken(entry.line, "must be a JSON object")
    text = entry.text
    kind = otherwise
    if "kind" in document:
        kind_text = document["kind"]
        if kind_text not in list(Kind):
            return Broken(entry.line, f"kind: must be one of {', '.join(Kind)}, not {kind_text!r}")
        kind = Kind(kind_text)
        rest = {name: value for name, value in document.items() if name != "kind"}
        text = json.dumps(rest, separators=(",", ":"))
    return Delivery(entry.line, kind, text.encode())
