"""All sections of a policy bundle: the library's, and those of the installed services."""

from typing import Any

from baton.manifest import ManifestError, manifests
from baton.policy.calendars import CALENDARS
from baton.policy.definitions import DEFINITIONS
from baton.policy.leadtests import TESTS
from baton.policy.section import Section
from baton.policy.teams import TEAMS

_FIRST = (DEFINITIONS,)
_LAST = (CALENDARS, TEAMS, TESTS)


def policy_sections() -> tuple[Section[Any], ...]:
    """What a bundle is checked by before it is put in force, in the order of the problems.

    The definitions come first, since a fault there makes others; services follow by their ports.
    Raises ManifestError where two own the same file.
    """
    owners = {section.file: "the library" for section in (*_FIRST, *_LAST)}
    owned: list[Section[Any]] = []
    for service in manifests():
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
