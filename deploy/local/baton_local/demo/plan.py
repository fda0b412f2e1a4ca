"""The deliveries of the demo, with the time of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import TypeVar

from baton_local.demo.cast import SOUTH, STAR, Cast, Handling, Person

SENDING_S = 13.0

PRICES = "https://www.example.com/pricing"
CUSTOMERS = "https://www.example.com/customers"

_SEED = 7
_FORMS = 156
_SURVEYS = 24
_VISITORS = 20
_WARMED_UP = 12
_OF_TEN_VISITORS = {"buy": 5, "are interested": 3, "are curious": 2}
_OF_A_HUNDRED_LEADS = {
    Handling.PROMPT: 60,
    Handling.LATE: 16,
    Handling.FORGOTTEN: 16,
    Handling.DECLINED: 8,
}
_UNTIL_S = {Handling.FORGOTTEN: 6.0, Handling.LATE: 8.0, Handling.DECLINED: 11.0}
"""Seconds after which all leads are answered promptly, so that no clock runs long after the last
delivery.
"""

_ASKS_FOR_SALES = ("demo", "contact-sales", "pricing")
_READS = ("newsletter", "white-paper")
_UNAUTHORISED = 401
_UNUSABLE = 422


Drawn = TypeVar("Drawn")


class Kind(StrEnum):
    """The kind of a delivery and its way in."""

    LEAD = "lead"
    BATCH = "batch"
    FORM = "form"
    SURVEY = "survey"
    ACTIVITY = "activity"
    PAGE_VIEW = "page view"

    @property
    def enquiry(self) -> bool:
        return self not in {Kind.ACTIVITY, Kind.PAGE_VIEW}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request, `at` seconds after the first.

    `people` are several in a batch, else one. `about` is the form of an enquiry, the type of an
    activity, or the page. `twice`: the sender does not get the answer, and sends the same again.
    `refused`: the status of the refusal that is expected; of a batch's one bad line.
    """

    at: float
    kind: Kind
    people: tuple[Person, ...]
    about: str
    id: str = ""
    test: bool = False
    consents: bool = True
    twice: bool = False
    forged: bool = False
    refused: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Deliveries in the order of time. `handling` says by email what the reps will do."""

    deliveries: tuple[Delivery, ...]
    handling: Mapping[str, Handling]


def made() -> Plan:
    """The same in each run."""
    random = Random(_SEED)  # noqa: S311 - variety, not secrecy
    cast = Cast(random)
    parts = (
        _star(),
        _busy_forms(cast, random),
        _surveys(cast),
        _fair(cast),
        _warmed_up(cast),
        _end_without_a_rep(cast),
        _refused(cast),
    )
    found = sorted(
        (delivery for part in parts for delivery in part), key=lambda delivery: delivery.at
    )
    named = tuple(
        replace(delivery, id=f"demo-{number:04}") for number, delivery in enumerate(found)
    )
    people = {
        person.email: person for delivery in named for person in delivery.people if person.email
    }
    return Plan(named, {email: person.handling for email, person in people.items()})


def _star() -> Iterator[Delivery]:
    """Looks at the prices twice, then asks for a demo."""
    yield Delivery(0.0, Kind.PAGE_VIEW, (STAR,), PRICES)
    yield Delivery(0.4, Kind.PAGE_VIEW, (STAR,), PRICES)
    yield Delivery(0.8, Kind.LEAD, (STAR,), "demo")


def _busy_forms(cast: Cast, random: Random) -> Iterator[Delivery]:
    """The website by our API and the webshop by its webhooks, all the time."""
    for number in range(_FORMS):
        at = 0.5 + number * (SENDING_S - 0.5) / _FORMS
        kind = Kind.FORM if number % 2 else Kind.LEAD
        person, form = _visitor(cast, random, at)
        yield Delivery(at, kind, (person,), form, twice=number % 25 == 0)


def _visitor(cast: Cast, random: Random, at: float) -> tuple[Person, str]:
    """Somebody, and the form that they fill in."""
    match _drawn(random, _OF_TEN_VISITORS):
        case "buy":
            handling = _drawn(random, _OF_A_HUNDRED_LEADS)
            in_time = at < _UNTIL_S.get(handling, SENDING_S)
            person = cast.ready_to_buy(handling=handling if in_time else Handling.PROMPT)
            return person, random.choice(_ASKS_FOR_SALES)
        case "are interested":
            return cast.interested(), random.choice(_READS)
        case _:
            return cast.curious(), random.choice(_READS)


def _drawn(random: Random, weights: Mapping[Drawn, int]) -> Drawn:
    (drawn,) = random.choices(list(weights), list(weights.values()))
    return drawn


def _surveys(cast: Cast) -> Iterator[Delivery]:
    for number in range(_SURVEYS):
        at = 1 + number * (SENDING_S - 2) / _SURVEYS
        yield Delivery(at, Kind.SURVEY, (cast.interested(),), "survey")


def _fair(cast: Cast) -> Iterator[Delivery]:
    """The list of a fair's visitors: more at once than the pool's reps can take; one is nobody."""
    visitors = (cast.ready_to_buy(SOUTH, large=False) for _ in range(_VISITORS))
    people = (*visitors, cast.nobody())
    yield Delivery(4.0, Kind.BATCH, people, "contact-sales", refused=_UNUSABLE)


def _warmed_up(cast: Cast) -> Iterator[Delivery]:
    """Persons who only read at first, and become ready for sales by their activities."""
    for number in range(_WARMED_UP):
        at, people = 1.5 + 0.8 * number, (cast.interested(),)
        yield Delivery(at, Kind.FORM, people, "white-paper")
        yield Delivery(at + 0.5, Kind.PAGE_VIEW, people, CUSTOMERS)
        yield Delivery(at + 1.0, Kind.PAGE_VIEW, people, PRICES)
        yield Delivery(at + 1.6, Kind.ACTIVITY, people, "trial_started")


def _end_without_a_rep(cast: Cast) -> Iterator[Delivery]:
    """Trial deliveries, those who only read and want no mail, and whom every rep declines."""
    for at in (2.0, 6.0, 10.0):
        yield Delivery(at, Kind.LEAD, (cast.ready_to_buy(),), "demo", test=True)
        reader = cast.ready_to_buy(large=True)
        yield Delivery(at + 1, Kind.LEAD, (reader,), "white-paper", consents=False)
    for at in (3.0, 7.5):
        person = cast.ready_to_buy(SOUTH, Handling.DECLINED_BY_ALL, large=False)
        yield Delivery(at, Kind.FORM, (person,), "pricing")


def _refused(cast: Cast) -> Iterator[Delivery]:
    """A webhook that somebody else has signed, and an enquiry of nobody."""
    forged = cast.ready_to_buy()
    yield Delivery(5.0, Kind.FORM, (forged,), "demo", forged=True, refused=_UNAUTHORISED)
    yield Delivery(9.0, Kind.LEAD, (cast.nobody(),), "demo", refused=_UNUSABLE)
