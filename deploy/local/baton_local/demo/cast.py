"""The invented persons of the demo, and how the reps treat them. They are the same in each run."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

LARGE = 1_000
"""From so many people on the demo's policy has a pool of its own for a company."""

NORTH = ("DE", "DK", "SE", "NO", "GB")
SOUTH = ("FR", "NL", "BE", "CH", "AT", "IE", "US", "CA")

_DECIDE = (
    "Head of IT",
    "VP Operations",
    "Director of Sales",
    "Chief Procurement Officer",
    "Geschäftsführerin",
    "Leiter Einkauf",
    "Owner",
    "Operations Manager",
    "Marketing Manager",
)
_HELP_TO_DECIDE = ("IT Specialist", "Business Analyst", "Buyer", "Consultant", "Office Assistant")
_WILL_NOT_BUY = ("Student", "Intern", "Werkstudentin")
_INDUSTRIES = (
    "Software",
    "Logistics",
    "Insurance",
    "Manufacturing",
    "Financial Services",
    "Retail",
    "Education",
)
# Ranges that the countries' regulators keep free for films and books.
_PHONES = {"DE": "+493023125{:03}", "GB": "+44207946{:04}", "US": "+1202555{:04}"}


class Handling(StrEnum):
    """The behaviour of a rep with a lead. Only the first rep behaves badly; the next one answers in
    time.
    """

    PROMPT = "prompt"
    LATE = "late"
    """After the warning, but in time."""

    FORGOTTEN = "forgotten"
    """The first rep accepts it and never gets in touch."""

    DECLINED = "declined"
    """The first rep says that it is not theirs."""

    DECLINED_BY_ALL = "declined by all"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who leaves an enquiry: a role at a company, as far as it was said."""

    number: int
    country: str
    email: str | None = None
    phone: str | None = None
    job_title: str | None = None
    company: str | None = None
    industry: str | None = None
    employees: int | None = None
    handling: Handling = Handling.PROMPT


STAR = Person(
    0,
    "DE",
    email="head-of-it@manufacturing.example.com",
    job_title="Head of IT",
    company="Example Manufacturing",
    industry="Manufacturing",
    employees=4 * LARGE,
    handling=Handling.FORGOTTEN,
)
"""The lead whose story the demo shows at the end: one rep does not answer in time, the next one
does.
"""


class Cast:
    """Makes people up, a different one each time, in the same order in each run."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._count = 0

    def ready_to_buy(
        self,
        countries: tuple[str, ...] = NORTH + SOUTH,
        handling: Handling = Handling.PROMPT,
        *,
        large: bool | None = None,
    ) -> Person:
        """Somebody with a say at a company that fits; where it isn't said, every fifth is large."""
        if large is None:
            large = self._random.random() < 1 / 5
        employees = self._random.randint(*((LARGE, 20_000) if large else (20, 900)))
        return self._at_work(_DECIDE, employees, countries, handling)

    def interested(self) -> Person:
        """Somebody at a company that fits, who has no say there."""
        employees = self._random.randint(100, 900)
        return self._at_work(_HELP_TO_DECIDE, employees, NORTH + SOUTH, Handling.PROMPT)

    def curious(self) -> Person:
        """Somebody who will not buy, or who says too little to tell."""
        number = self._next()
        if self._random.random() < 1 / 3:
            country = self._random.choice(list(_PHONES))
            return Person(number, country, phone=_PHONES[country].format(number))
        title = self._random.choice(_WILL_NOT_BUY)
        return Person(
            number,
            self._random.choice(NORTH + SOUTH),
            email=f"{_slug(title)}@education-{number}.example.com",
            job_title=title,
            company=f"Example University {number}",
            industry="Education",
        )

    def nobody(self) -> Person:
        """A line without anything that would tell whose it is."""
        return Person(self._next(), "DE")

    def _at_work(
        self,
        titles: tuple[str, ...],
        employees: int,
        countries: tuple[str, ...],
        handling: Handling,
    ) -> Person:
        number = self._next()
        title, industry = self._random.choice(titles), self._random.choice(_INDUSTRIES)
        return Person(
            number,
            self._random.choice(countries),
            email=f"{_slug(title)}@{_slug(industry)}-{number}.example.com",
            job_title=title,
            company=f"Example {industry} {number}",
            industry=industry,
            employees=employees,
            handling=handling,
        )

    def _next(self) -> int:
        self._count += 1
        return self._count


def _slug(text: str) -> str:
    plain = text.lower().replace("ä", "ae").replace("ü", "ue")
    return plain.replace(" ", "-")
