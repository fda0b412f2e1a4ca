"""One decision: take the input in, then let each clock that has changed tell of it.

A clock's verdict is a function of the set of its facts, under the bundle that its assignment was
decided with. No clock is called broken but by its due timer, which fires only once every fact that
was written before is read; a fact that comes later still takes the breach back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadErased, LeadEvent, LeadFollowup, LeadReleased, LeadRouted
from baton.policy.bundle import Bundle
from baton.runtime.inputs import (
    Arm,
    CommandInput,
    Decision,
    EventInput,
    Input,
    Row,
    Subscription,
    TimerInput,
)
from sla_monitor.domain import judging, telling
from sla_monitor.domain.business_time import Hours
from sla_monitor.domain.facts import since, with_clocks, with_followup, with_release
from sla_monitor.domain.starting import started
from sla_monitor.domain.state import Clock, Followup, LeadClocks, Release, Verdict

SUBSCRIPTION = Subscription(
    topics=(
        topics.LEAD_CAPTURED,
        topics.LEAD_SCORED,
        topics.LEAD_ROUTED,
        topics.LEAD_FOLLOWUP,
        topics.LEAD_IDENTITY,
    ),
    uses=(LeadRouted, LeadReleased, LeadFollowup, LeadErased),
)

Bundles = Mapping[str, Bundle]
"""Bundles by their hash that are not in force, and that clocks of this batch stand under."""


class UnexpectedInputError(ValueError):
    """An input that the monitor has no use for."""


@dataclass(frozen=True, slots=True)
class ClockRow(Row):
    """A clock as it stands now, for the table `clock`."""

    lead_id: UUID
    clock: Clock


def decide(
    state: LeadClocks | None, shared: Bundles, given: Input, bundle: Bundle, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """Decide on one input.

    Raises UnknownPolicyError for an assignment under a policy or team that the bundle lacks, and
    UnexpectedInputError for what nobody sends.
    """
    before = state or LeadClocks()
    bundles = {**shared, bundle.hash: bundle}
    if isinstance(given, TimerInput):
        return _time_has_come(before, given, Hours(bundles, bundle), now)
    if isinstance(given, CommandInput):
        raise UnexpectedInputError(f"no command {given.kind!r} is known")
    if isinstance(given.event.data, LeadErased):
        return _erased(before, given.lead_id, given, given.event.data.occurred_at, now)
    after = _taken_in(before, given.event, bundles, bundle)
    return _told(before, after, given.lead_id, Hours(bundles, bundle), now)


def _taken_in(
    state: LeadClocks, event: Event[LeadEvent], bundles: Bundles, in_force: Bundle
) -> LeadClocks:
    data = event.data
    if isinstance(data, LeadFollowup):
        followup = Followup(
            id=event.id,
            type=data.type,
            occurred_at=data.occurred_at,
            received_at=data.received_at,
            rep=data.rep,
            assignment_id=data.assignment_id,
        )
        clocks = tuple(judging.with_followups(clock, (followup,)) for clock in state.clocks)
        return with_followup(state.model_copy(update={"clocks": clocks}), followup)
    if isinstance(data, LeadReleased):
        release = Release(
            id=event.id, assignment_id=data.assignment_id, occurred_at=data.occurred_at
        )
        clocks = tuple(judging.with_releases(clock, (release,)) for clock in state.clocks)
        return with_release(state.model_copy(update={"clocks": clocks}), release)
    if isinstance(data, LeadRouted):
        decided_with = bundles.get(event.policyversion or "", in_force)
        new = started(state, data, decided_with)
        cycles = state.cycles | {clock.target: clock.cycle for clock in new}
        return state.model_copy(update={"clocks": (*state.clocks, *new), "cycles": cycles})
    raise UnexpectedInputError(f"{data.event_type} is not among the types that are used")


def _told(
    before: LeadClocks, after: LeadClocks, lead_id: UUID, hours: Hours, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """Let the clocks tell what has changed; those that are new, that they have started."""
    known = {clock.id: clock for clock in before.clocks}
    events: list[EventData] = []
    arm: list[Arm] = []
    told: list[Clock] = []
    for clock in after.clocks:
        new = clock.id not in known
        if new:
            events.append(telling.start(lead_id, clock))
        telling_ = telling.judge(lead_id, clock, hours.used, now)
        events += telling_.events
        told.append(telling_.clock)
        if new and telling_.clock.told is Verdict.RUNNING:
            arm += _timers(clock, now)
    return Decision(
        state=with_clocks(after, tuple(told)),
        events=events,
        arm=arm,
        cancel=_closed_timers(told, known),
        rows=[ClockRow(lead_id, clock) for clock in told if known.get(clock.id) != clock],
    )


def _time_has_come(
    state: LeadClocks, timer: TimerInput, hours: Hours, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """A timer of a clock that is closed, or gone, does nothing."""
    for clock in state.clocks:
        if timer.name == clock.due_timer:
            complete = clock.facts_complete and timer.facts_complete
            due = clock.model_copy(update={"due_passed": True, "facts_complete": complete})
            return _told(state, _with(state, due), timer.lead_id, hours, now)
        if timer.name == clock.warn_timer:
            warned = telling.warn(timer.lead_id, clock, hours.used, now)
            told = _told(state, _with(state, warned.clock), timer.lead_id, hours, now)
            return replace(told, events=[*warned.events, *told.events])
    return Decision(state=state)


def _erased(
    state: LeadClocks, lead_id: UUID, erased: EventInput, up_to: datetime, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """Clocks that have started since then stay, with what answers them."""
    running = [clock for clock in state.clocks if clock.told is Verdict.RUNNING]
    after = since(state, up_to)
    left = {clock.id for clock in after.clocks}
    still = [clock for clock in running if clock.id in left]
    gone = [clock for clock in running if clock.id not in left]
    return Decision(
        state=None if after == LeadClocks() else after,
        events=[telling.erase(lead_id, clock, erased.id, now) for clock in gone],
        arm=[arm for clock in still for arm in _timers(clock, now)],
        cancel=[name for clock in gone for name in (clock.warn_timer, clock.due_timer)],
        rows=[ClockRow(lead_id, clock) for clock in after.clocks],
    )


def _timers(clock: Clock, now: datetime) -> Iterable[Arm]:
    if clock.warn_at is not None and now < clock.due_at:
        yield Arm(clock.warn_timer, clock.warn_at)
    yield Arm(clock.due_timer, clock.due_at, accuses=True)


def _closed_timers(told: Iterable[Clock], known: Mapping[UUID, Clock]) -> list[str]:
    return [
        name
        for clock in told
        if clock.told is not Verdict.RUNNING
        and clock.id in known
        and known[clock.id].told is Verdict.RUNNING
        for name in (clock.warn_timer, clock.due_timer)
    ]


def _with(state: LeadClocks, changed: Clock) -> LeadClocks:
    clocks = tuple(changed if clock.id == changed.id else clock for clock in state.clocks)
    return state.model_copy(update={"clocks": clocks})
