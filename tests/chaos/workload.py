"""Who enquires, what they do, and how reps answer, as it follows from a run's seed."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

SOURCE = "website"


class Sort(StrEnum):
    """What becomes of an enquiry under the bundle of these tests."""

    PATIENT = "patient"
    """A rep gets it, with two hours' time."""
    HASTY = "hasty"
    """A rep gets it, with two seconds' time."""
    WATCHED = "watched"
    """A rep gets it, with ten minutes' time, and is warned after six seconds."""
    NOWHERE = "nowhere"
    """No rule takes it."""
    NEWSLETTER = "newsletter"
    """It does not qualify."""
    TRIAL = "trial"
    """Nobody is to get it."""
    BROKEN = "broken"
    """Intake refuses it."""


_SORTS = {
    Sort.PATIENT: 0.42,
    Sort.HASTY: 0.28,
    Sort.WATCHED: 0.1,
    Sort.NOWHERE: 0.05,
    Sort.NEWSLETTER: 0.06,
    Sort.TRIAL: 0.04,
    Sort.BROKEN: 0.05,
}


class Act(StrEnum):
    """What a rep does with a lead."""

    ACCEPT = "accept"
    DECLINE = "decline"
    CONTACTED = "contacted"
    REJECTED = "rejected"
    WON = "won"


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A person, and what they send."""

    number: int
    sort: Sort
    email: str
    sent_again: bool
    """The delivery, by a sender who did not believe the answer."""
    gives_up: bool
    """Without an answer, it is not sent again."""
    enquires_again: float | None
    """After so many seconds, with another request."""
    page_views: tuple[float, ...]
    """After so many seconds each."""

    def body(self, delivery: str) -> dict[str, JsonValue]:
        """As `POST /v1/leads` takes it."""
        form = "newsletter" if self.sort is Sort.NEWSLETTER else "demo"
        employees: JsonValue = "many" if self.sort is Sort.BROKEN else 250
        return {
            "source": SOURCE,
            "delivery_id": delivery,
            "contact": {
                "email": self.email,
                "first_name": f"Buyer {self.number}",
                "phone": f"+49 30 {self.number:08}",
            },
            "company": {"name": f"Example {self.number}", "employees": employees},
            "request": {"form_id": form, "message": delivery},
            "custom": {"pool": str(self.sort)},
            "test": self.sort is Sort.TRIAL,
        }


def enquiries(seed: int) -> Iterator[Enquiry]:
    """Without end."""
    chance = random.Random(f"enquiries {seed}")  # noqa: S311 - to be repeated, not to be secret
    number = 0
    while True:
        number += 1
        sort = chance.choices(list(_SORTS), list(_SORTS.values()))[0]
        views = chance.choices((0, 1, 3), (0.6, 0.3, 0.1))[0]
        yield Enquiry(
            number=number,
            sort=sort,
            email=f"buyer-{seed}-{number}@example.com",
            sent_again=chance.random() < 0.06,
            gives_up=chance.random() < 0.3,
            enquires_again=chance.uniform(0, 8) if chance.random() < 0.05 else None,
            page_views=tuple(chance.uniform(0, 10) for _ in range(views)),
        )


def reaction(seed: int, email: str, attempt: int) -> tuple[Act, float] | None:
    """What the rep who gets a lead does, and after how many seconds; None: nothing."""
    chance = random.Random(f"reaction {seed} {email} {attempt}")  # noqa: S311 - as above
    acts: Mapping[Act | None, float] = {
        Act.ACCEPT: 0.3,
        Act.DECLINE: 0.15,
        Act.CONTACTED: 0.2,
        Act.REJECTED: 0.04,
        Act.WON: 0.04,
        None: 0.3,
    }
    act = chance.choices(list(acts), list(acts.values()))[0]
    return None if act is None else (act, chance.uniform(0, 6))
