"""All that a verdict is based on, and how it is put together."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from tests.chaos.checker.records import Found
from tests.chaos.checker.scrape import Scrape
from tests.chaos.checker.seen import Seen
from tests.chaos.checker.told import Apis, Clock, Lead, Letter, Ownership, Rep, Replayed


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept: which one, and by what one sees it."""

    rule: str
    what: str


@dataclass(frozen=True)
class Evidence:
    """`records` are those of the topics, copies included, but for those that were spoilt.

    `users` are the services that decide on each event type, and so keep a broken record of it.
    """

    seen: Seen
    records: Sequence[Found]
    leads: Mapping[UUID, Lead | None] = field(default_factory=dict)
    ownerships: Mapping[UUID, Ownership | None] = field(default_factory=dict)
    clocks: Mapping[UUID, tuple[Clock, ...]] = field(default_factory=dict)
    reps: Sequence[Rep] = ()
    letters: Mapping[str, Sequence[Letter]] = field(default_factory=dict)
    replayed: Sequence[Replayed] = ()
    scrapes: Mapping[str, Scrape] = field(default_factory=dict)
    users: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def events(self) -> Sequence[Found]:
        """Each once, as first seen, in the order of each partition."""
        first: dict[tuple[str, UUID], Found] = {}
        for record in self.records:
            first.setdefault((record.topic, record.id), record)
        return list(first.values())

    @cached_property
    def by_lead(self) -> Mapping[UUID, Mapping[str, Sequence[Found]]]:
        """By lead and topic."""
        found: defaultdict[UUID, defaultdict[str, list[Found]]]
        found = defaultdict(lambda: defaultdict(list))
        for event in self.events:
            if event.lead_id is not None:
                found[event.lead_id][event.topic].append(event)
        return found

    def of(self, lead_id: UUID, topic: str) -> Sequence[Found]:
        """A lead's events on a topic."""
        return self.by_lead.get(lead_id, {}).get(topic, ())

    @cached_property
    def captured(self) -> Sequence[UUID]:
        """Every lead that somebody's enquiry has made."""
        return list(dict.fromkeys(e.lead_id for e in self.events if _captured(e) and e.lead_id))


def _captured(event: Found) -> bool:
    return event.topic == "lead-captured"


async def gather(
    apis: Apis,
    seen: Seen,
    records: Sequence[Found],
    replayed: Sequence[Replayed],
    scrapes: Mapping[str, Scrape],
    services: Sequence[str],
) -> Evidence:
    """Ask the APIs for every lead that is on the topics."""
    spoilt = {(each.topic, each.partition, each.offset) for each in seen.spoilt}
    sound = [r for r in records if (r.topic, r.partition, r.offset) not in spoilt]
    bare = Evidence(seen, sound)
    ids = bare.captured
    leads, ownerships, clocks, letters = await asyncio.gather(
        asyncio.gather(*map(apis.lead, ids)),
        asyncio.gather(*map(apis.ownership, ids)),
        asyncio.gather(*map(apis.clocks, ids)),
        asyncio.gather(*map(apis.letters, services)),
    )
    return Evidence(
        seen=seen,
        records=sound,
        leads=dict(zip(ids, leads, strict=True)),
        ownerships=dict(zip(ids, ownerships, strict=True)),
        clocks=dict(zip(ids, clocks, strict=True)),
        reps=await apis.reps(),
        letters=dict(zip(services, letters, strict=True)),
        replayed=replayed,
        scrapes=scrapes,
    )
