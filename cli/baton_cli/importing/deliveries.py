"""Makes the delivery of a row: the lead's document, with an id that is the same in each run."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from baton.lead_table import document
from baton_cli.importing.mapping import Mapped, UnusableValueError
from baton_cli.importing.rows import Broken, RowValues


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of a batch; `raw` is the row that it comes from."""

    line: int
    raw: bytes
    body: bytes


class Deliveries:
    """Makes deliveries of rows. If a row has no delivery_id, one is computed from its content. So
    the same row is the same event in each run, at any place in the file.
    """

    def __init__(self, mapping: Mapped | None, source: str | None, *, history: bool) -> None:
        """`source` is that of rows that name none; `history`: sales has them all already."""
        self._mapping = mapping
        self._source = source
        self._history = history

    def of(self, rows: Iterable[RowValues | Broken]) -> Iterator[Delivery | Broken]:
        """A delivery for each row, or why it is none."""
        for row in rows:
            if isinstance(row, Broken):
                yield row
                continue
            try:
                lead = self._lead(row)
            except UnusableValueError as error:
                yield Broken(row.line, row.raw, str(error))
            else:
                yield Delivery(row.line, row.raw, _body(lead))

    def _lead(self, row: RowValues) -> dict[str, JsonValue]:
        lead = document(row.fields) if self._mapping is None else self._mapping.lead(row.fields)
        if self._source is not None:
            lead.setdefault("source", self._source)
        if self._history:
            lead.setdefault("history", {})
        return lead


def _body(lead: dict[str, JsonValue]) -> bytes:
    if "delivery_id" not in lead:
        lead_json = json.dumps(lead, sort_keys=True, separators=(",", ":")).encode()
        lead["delivery_id"] = f"import-{hashlib.blake2b(lead_json, digest_size=16).hexdigest()}"
    return json.dumps(lead, separators=(",", ":")).encode()
