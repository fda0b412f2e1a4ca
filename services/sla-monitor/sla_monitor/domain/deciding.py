"""The monitor's decision: apply the input to the state, then publish the changes of each clock. The
verdict of a clock is a function of the set of its facts and of the bundle of its assignment. Only
the due timer makes a breach. It fires once all facts from before the due time are read. A fact that
arrives later can still retract the breach.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadErased, LeadFollowup, LeadReleased, LeadRouted, SubjectEvent
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm, Decision, Row
from baton.runtime.inputs import CommandInput, EventInput, Input, Subscription, TimerInput
from sla_monitor.domain import judging, telling
from sla_monitor.domain.business_time import Hours
from sla_monitor.domain.facts import since, with_clocks, with_followup, with_release
from sla_monitor.domain.settling import settled
from sla_monitor.domain.starting import assigned, with_facts_seen
from sla_monitor.domain.state import DUE, WARN, Clock, Followup, LeadClocks, Release, Verdict
from sla_monitor.domain.tenures import Tenures

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
    state: LeadClocks | None, shared: Bundles, cause: Input, bundle: Bundle, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """Decide on one input.

    Raises UnknownPolicyError for an assignment under a policy or team that the bundle lacks, and
    UnexpectedInputError for any other event, timer or command: a dead letter keeps it for a release
    that knows it.
    """
    before = state or LeadClocks()
    bundles = {**shared, bundle.hash: bundle}
    if isinstance(cause, TimerInput):
        return _time_has_come(_caught_up(before), cause, Hours(bundles, bundle), now)
    if isinstance(cause, CommandInput):
        raise UnexpectedInputError(f"no command {cause.kind!r} is known")
    if isinstance(cause.event.data, LeadErased):
        up_to = cause.event.data.occurred_at
        return _erased(before, cause.subject.id, cause, up_to, Hours(bundles, bundle), now)
    after = _taken_in(_caught_up(before), cause.event, bundles, bundle)
    return _told(before, after, cause.subject.id, Hours(bundles, bundle), now)


def _taken_in(
    state: LeadClocks, event: Event[SubjectEvent], bundles: Bundles, in_force: Bundle
) -> LeadClocks:
    data = event.data
    tenures = Tenures(state)
    if isinstance(data, LeadFollowup):
        followup = Followup(
            id=event.id,
            type=data.type,
            occurred_at=data.occurred_at,
            received_at=data.received_at,
            rep=data.rep,
            assignment_id=data.assignment_id,
        )
        clocks = tuple(
            judging.with_followups(clock, (followup,), tenures.starts(clock))
            for clock in state.clocks
        )
        return with_followup(state.model_copy(update={"clocks": clocks}), followup)
    if isinstance(data, LeadReleased):
        release = Release(
            id=event.id, assignment_id=data.assignment_id, occurred_at=data.occurred_at
        )
        clocks = tuple(
            judging.with_releases(clock, (release,), tenures.starts(clock))
            for clock in state.clocks
        )
        return with_release(state.model_copy(update={"clocks": clocks}), release)
    if isinstance(data, LeadRouted):
        return assigned(state, data, bundles.get(event.policyversion or "", in_force))
    raise UnexpectedInputError(f"{data.event_type} is not among the types that are used")


def _caught_up(state: LeadClocks) -> LeadClocks:
    """The state, with its running clocks judged anew on facts that older releases read under other
    rules. A clock that an older release closed stays closed until a new fact arrives.
    """
    return with_facts_seen(state, lambda clock: clock.told is Verdict.RUNNING)


def _told(
    before: LeadClocks, after: LeadClocks, lead_id: UUID, hours: Hours, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """Let the clocks tell what has changed; those that are new, that they have started."""
    known = {clock.id: clock for clock in before.clocks}
    cycles = dict(after.cycles)
    events: list[EventData] = []
    told: list[Clock] = []
    for settled_clock in settled(after):
        clock = settled_clock
        if clock.cycle == 0:
            if judging.verdict(clock) is Verdict.COVERED:
                told.append(clock.model_copy(update={"told": Verdict.COVERED}))
                continue
            cycle = cycles[clock.target] = cycles.get(clock.target, 0) + 1
            clock = clock.model_copy(update={"cycle": cycle, "told": Verdict.RUNNING})
            events.append(telling.start(lead_id, clock))
        telling_ = telling.judge(lead_id, clock, hours.used, now)
        earlier = known.get(clock.id)
        if earlier and _moved(earlier, telling_.clock):
            events.append(telling.move(lead_id, clock, earlier.due))
        events += telling_.events
        told.append(telling_.clock)
    wanted = _timers(told, now)
    had = _timers(before.clocks)
    return Decision(
        state=with_clocks(after.model_copy(update={"cycles": cycles}), tuple(told)),
        events=events,
        arm=[arm for name, arm in wanted.items() if had.get(name) != arm],
        cancel=[name for name in had if name not in wanted],
        rows=[
            ClockRow(lead_id, clock)
            for clock in told
            if clock.cycle > 0 and known.get(clock.id) != clock
        ],
    )


def _moved(before: Clock, clock: Clock) -> bool:
    runs_on = before.cycle > 0 and before.told is clock.told is Verdict.RUNNING
    return runs_on and before.due.at != clock.due.at


def _time_has_come(
    state: LeadClocks, timer: TimerInput, hours: Hours, now: datetime
) -> Decision[LeadClocks, Bundles]:
    """A timer of a clock that is closed, or gone, does nothing.

    Raises UnexpectedInputError for a timer that is not a clock's.
    """
    for clock in state.clocks:
        if timer.name == clock.due_timer:
            complete = clock.facts_complete and timer.facts_complete
            due = clock.model_copy(update={"due_passed": True, "facts_complete": complete})
            return _told(state, _with(state, due), timer.subject.id, hours, now)
        if timer.name == clock.warn_timer:
            warned = telling.warn(timer.subject.id, clock, hours.used, now)
            told = _told(state, _with(state, warned.clock), timer.subject.id, hours, now)
            return replace(told, events=[*warned.events, *told.events])
    if not timer.name.startswith((WARN, DUE)):
        raise UnexpectedInputError(f"no timer {timer.name!r} is known")
    return Decision(state=state)


def _erased(
    state: LeadClocks,
    lead_id: UUID,
    erased: EventInput,
    up_to: datetime,
    hours: Hours,
    now: datetime,
) -> Decision[LeadClocks, Bundles]:
    """Clocks that have started since then stay, with what answers them."""
    after = since(state, up_to)
    left = {clock.id for clock in after.clocks}
    gone = [c for c in state.clocks if c.id not in left and c.told is Verdict.RUNNING]
    told = _told(state, after, lead_id, hours, now)
    clocks = told.state.clocks if told.state else ()
    return Decision(
        state=None if after == LeadClocks() else told.state,
        events=[*(telling.erase(lead_id, clock, erased.id, now) for clock in gone), *told.events],
        # The runner has removed all timers and rows of the lead.
        arm=list(_timers(clocks, now).values()),
        cancel=told.cancel,
        rows=[ClockRow(lead_id, clock) for clock in clocks if clock.cycle > 0],
    )


def _timers(clocks: Iterable[Clock], now: datetime | None = None) -> Mapping[str, Arm]:
    """The timers of the clocks that run, by name; no warning of what is due by `now`."""
    timers = {}
    for clock in clocks:
        if clock.told is not Verdict.RUNNING:
            continue
        due = clock.due
        timers[clock.due_timer] = Arm(clock.due_timer, due.at, accuses=True)
        may_warn = clock.warned_at is None and (now is None or now < due.at)
        if due.warn_at is not None and may_warn:
            timers[clock.warn_timer] = Arm(clock.warn_timer, due.warn_at)
    return timers


def _with(state: LeadClocks, changed: Clock) -> LeadClocks:
    clocks = tuple(changed if clock.id == changed.id else clock for clock in state.clocks)
    return state.model_copy(update={"clocks": clocks})
