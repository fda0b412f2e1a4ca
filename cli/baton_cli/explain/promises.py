"""The SLA monitor's part of a lead's story: its clocks and their results."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from baton_cli.explain.reasons import words
from baton_cli.explain.story import Detail, Happening, Kind
from baton_cli.explain.views import Clock
from baton_cli.times import duration, moment_near


def happened(clocks: Sequence[Clock]) -> Iterator[Happening]:
    """Each clock's life."""
    for clock in clocks:
        yield _started(clock)
        yield from _moved(clock)
        if clock.warned_at is not None:
            says = f"Warned: no {words(clock.target)} from {clock.rep} yet"
            yield Happening(at=clock.warned_at, kind=Kind.WARNED, says=says)
        yield from _broken(clock)
        yield from _answered(clock)
        if clock.state == "retracted":
            at = clock.ended_at or clock.started_at
            yield Happening(at=at, kind=Kind.PROMISE_DROPPED, says=_dropped(clock))


def standing(clocks: Sequence[Clock], now: datetime) -> str | None:
    """How the latest promise stands; None where there is none."""
    if not clocks:
        return None
    clock = clocks[-1]
    target = words(clock.target)
    match clock.state:
        case "met":
            return f"{target}: promise kept"
        case "breached":
            return f"{target}: promise broken"
        case "retracted":
            return f"{target}: nobody is judged"
    left = clock.due_at - now
    if left < timedelta(0):
        return f"{target}: was due {duration(-left)} ago"
    return f"{target}: due in {duration(left)}"


def _started(clock: Clock) -> Happening:
    due = moment_near(clock.due_before or clock.due_at, clock.started_at)
    allowed = duration(timedelta(seconds=clock.allowed_seconds))
    says = (
        f"Promised: {words(clock.target)} from {clock.rep} by {due}, "
        f"{allowed} of calendar {clock.calendar}"
    )
    return Happening(at=clock.started_at, kind=Kind.PROMISED, says=says)


def _moved(clock: Clock) -> Iterator[Happening]:
    if clock.moved_at is None:
        return
    due = moment_near(clock.due_at, clock.moved_at)
    says = f"A new enquiry is due sooner: {words(clock.target)} from {clock.rep} by {due}"
    yield Happening(at=clock.moved_at, kind=Kind.PROMISED, says=says)


def _dropped(clock: Clock) -> str:
    match clock.retracted_code:
        case "breach_retracted":
            return f"Nobody is judged: {clock.rep} had the lead because of a breach that was wrong"
        case "covered":
            return f"Nobody is judged: an earlier promise of {clock.rep} serves this enquiry too"
        case _:
            return f"Nobody is judged: {clock.rep} had the lead no more before it was due"


def _broken(clock: Clock) -> Iterator[Happening]:
    if clock.breached_at is None:
        return
    within = f"within {duration(timedelta(seconds=clock.allowed_seconds))}"
    if clock.moved_at is not None:
        within = f"by {moment_near(clock.due_at, clock.breached_at)}"
    details = []
    if clock.state != "breached":
        details.append(Detail(says="taken back later: a fact that came late shows otherwise"))
    if not clock.facts_complete:
        details.append(Detail(says="judged before every fact up to then could be read"))
    yield Happening(
        at=clock.breached_at,
        kind=Kind.PROMISE_BROKEN,
        says=f"Promise broken: no {words(clock.target)} from {clock.rep} {within}",
        details=tuple(details),
    )


def _answered(clock: Clock) -> Iterator[Happening]:
    if clock.answered_at is None:
        return
    if clock.state == "met":
        used = duration(timedelta(seconds=clock.used_seconds or 0))
        allowed = duration(timedelta(seconds=clock.allowed_seconds))
        says = f"Promise kept: {clock.rep} answered after {used} of {allowed}"
        yield Happening(at=clock.answered_at, kind=Kind.PROMISE_KEPT, says=says)
    elif clock.answered_at > clock.due_at:
        late = duration(clock.answered_at - clock.due_at)
        says = f"{clock.rep} answered, {late} after it was due"
        yield Happening(at=clock.answered_at, kind=Kind.WARNED, says=says)
