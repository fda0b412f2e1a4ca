"""Activations of policy bundles: which bundle takes effect when."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Activation:
    """The record that a bundle takes effect, as it is stored in `policy_in_force`."""

    activation_id: UUID
    hash: str
    effective_at: datetime
    activated_at: datetime
    by: str
    why: str
    offset: int

    def to_json(self) -> dict[str, str | int]:
        """The form in which the row keeps it."""
        return {
            "activation_id": str(self.activation_id),
            "hash": self.hash,
            "effective_at": self.effective_at.isoformat(),
            "activated_at": self.activated_at.isoformat(),
            "by": self.by,
            "why": self.why,
            "offset": self.offset,
        }


def parse_activations(text: str | None) -> tuple[Activation, ...]:
    """The activations of `policy_in_force`, in order of effect."""
    return tuple(
        Activation(
            activation_id=UUID(entry["activation_id"]),
            hash=entry["hash"],
            effective_at=datetime.fromisoformat(entry["effective_at"]),
            activated_at=datetime.fromisoformat(entry["activated_at"]),
            by=entry["by"],
            why=entry["why"],
            offset=entry["offset"],
        )
        for entry in json.loads(text or "[]")
    )


def at(activations: Sequence[Activation], now: datetime) -> Activation | None:
    """The activation in force at a time: the last of those in effect by then."""
    return next((a for a in reversed(activations) if a.effective_at <= now), None)
