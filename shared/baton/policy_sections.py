"""All sections of a policy bundle: the library's, and those of the installed services."""

from collections.abc import Iterable
from typing import Any

from baton.manifest import ManifestError, ServiceManifest, manifests
from baton.policy.calendars import CALENDARS
from baton.policy.definitions import DEFINITIONS
from baton.policy.leadtests import TESTS
from baton.policy.section import Section
from baton.policy.teams import TEAMS

_FIRST = (DEFINITIONS,)
_LAST = (CALENDARS, TEAMS, TESTS)


def policy_sections() -> tuple[Section[Any], ...]:
    """All sections, by which a bundle is checked before its activation. Raises ManifestError."""
    return sections_of(manifests())


def sections_of(services: Iterable[ServiceManifest]) -> tuple[Section[Any], ...]:
    """The sections of the library and of these services, in the order in which to show problems.

    The definitions come first, since a fault there causes others. Raises ManifestError where two
    own the same file.
    """
    owners = {section.file: "the library" for section in (*_FIRST, *_LAST)}
    owned: list[Section[Any]] = []
    for service in services:
        for section in service.policy():
            if section.file in owners:
                raise ManifestError(
                    f"two own {section.file} of the policy: {owners[section.file]} and "
                    f"{service.name}. Give it another file in the policy of {service.name}, or "
                    "uninstall that, and run `make setup`."
                )
            owners[section.file] = service.name
            owned.append(section)
    return (*_FIRST, *owned, *_LAST)
