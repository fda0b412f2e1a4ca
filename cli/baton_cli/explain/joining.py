"""One story of what the services know."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from baton.events import Profile
from baton_cli.explain import holding, marketing, promises, sales
from baton_cli.explain.story import Happening, Missing, Story
from baton_cli.explain.views import Clocks, Quarantine, Routed, Scored


@dataclass(frozen=True, slots=True)
class Known:
    """The answers of the services: None if a service does not know the lead or did not answer."""

    scored: Scored | None
    routed: Routed | None
    clocks: Clocks | None
    missing: tuple[Missing, ...]
    quarantine: Quarantine | None = None

    @property
    def nothing(self) -> bool:
        """Whether no service knows the lead."""
        enquiries = self.quarantine and self.quarantine.enquiries
        return not (self.scored or self.routed or (self.clocks and self.clocks.clocks) or enquiries)

    @property
    def profile(self) -> Profile | None:
        """The person, by all enquiries, or else by the newest that is held back."""
        if self.scored is not None and self.scored.profile is not None:
            return self.scored.profile
        enquiries = self.quarantine.enquiries if self.quarantine else ()
        return enquiries[0].profile if enquiries else None


def story(lead_id: UUID, known: Known, now: datetime, *, everything: bool) -> Story:
    """All parts in one order. `everything`: also what did not match, and every candidate."""
    happened = sorted(
        _happened(known, everything=everything),
        key=lambda happening: (happening.at, happening.kind.rank),
    )
    return Story(
        lead_id=lead_id,
        person=marketing.person(known.profile) if known.profile else (),
        now=tuple(filter(None, _now(known, now))),
        happened=tuple(happened),
        missing=known.missing,
    )


def _happened(known: Known, *, everything: bool) -> Iterator[Happening]:
    if known.quarantine is not None:
        yield from holding.happened(known.quarantine.enquiries)
    if known.scored is not None:
        yield from marketing.happened(known.scored, everything=everything)
    if known.routed is not None:
        yield from sales.happened(known.routed, everything=everything)
        if known.scored is None:
            yield from sales.accepted(known.routed)
    if known.clocks is not None:
        yield from promises.happened(known.clocks.clocks)


def _now(known: Known, now: datetime) -> Iterator[str | None]:
    if known.quarantine is not None:
        yield holding.standing(known.quarantine.enquiries)
    if known.scored is not None:
        yield marketing.standing(known.scored)
    if known.routed is not None:
        yield sales.standing(known.routed)
    if known.clocks is not None:
        yield promises.standing(known.clocks.clocks, now)
