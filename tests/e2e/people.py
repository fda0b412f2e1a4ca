"""Who leaves enquiries in these tests. Each person is another, so that tests don't meet."""

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

_NUMBERS = itertools.count(1)
RUN = secrets.token_hex(6)
"""Stands in every email and name of this run; `RUN_DIGITS` in every phone."""
RUN_DIGITS = f"{int(RUN, 16) % 10**10:010d}"


@dataclass(frozen=True)
class Person:
    """Data that must be found again wherever they are."""

    email: str
    first_name: str
    last_name: str
    phone: str

    @property
    def texts(self) -> tuple[str, ...]:
        """What would tell who it is."""
        return (self.email, self.first_name, self.last_name, self.phone)

    def enquiry(self, pool: str = "patient", **more: JsonValue) -> dict[str, JsonValue]:
        """What the person fills in: as asked for by sales, and for a pool of the test bundle."""
        contact: Mapping[str, JsonValue] = {
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phone": self.phone,
        }
        return {
            "source": "website",
            "contact": dict(contact),
            "company": {"name": "Example Company", "employees": 250},
            "request": {"form_id": "demo"},
            "custom": {"pool": pool},
            **more,
        }


def person() -> Person:
    """Somebody who never was there before, in this run or another."""
    number = next(_NUMBERS)
    return Person(
        email=f"buyer-{number}-{RUN}@example.com",
        first_name=f"Käufer{number}x{RUN}",
        last_name=f"Ofexample{number}x{RUN}",
        phone=f"+49 30 {RUN_DIGITS}{number:04d}",
    )
