"""Deciding is a pure step: inputs and states give effects, without a database or Kafka."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from baton.cloudevents import Event
from baton.events import LeadEvent
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton.runtime.batch import Item
from baton.runtime.deciding import Deciding
from baton.runtime.decisions import Decision
from baton.runtime.dependencies import Service
from baton.runtime.effects import Effects, SubjectInBatch
from baton.runtime.errors import NotLockedError
from baton.runtime.inputs import CommandInput, EventInput, Input, TimerInput
from baton.subjects import Subject
from baton.tracing import Tracing
from tests.runtime.counter import SUBSCRIPTION, Count, CounterStore, Kept, decide
from tests.runtime.harness import BUNDLE, PARTITIONS, captured, erased, followup
from tests.runtime.pools import POOL

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LEAD = uuid4()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.read(BUNDLE, policy_sections())


def of(data: LeadEvent) -> Item:
    at = NOW + timedelta(minutes=1)
    return Item(0, EventInput(Event(uuid4(), "/test", at, str(data.lead_id), data)))


def asked(kind: str = "count", body: str | None = None) -> Item:
    id_ = uuid4()
    return Item(0, CommandInput(id_, Subject.lead(LEAD), kind, body, NOW), command=id_)


def fired(name: str = "t") -> Item:
    return Item(0, TimerInput(uuid4(), Subject.lead(LEAD), name, NOW))


def effects_of(
    items: Sequence[Item], bundle: Bundle, state: Count | None = None, known: Sequence[UUID] = ()
) -> Effects[Kept, None]:
    service = Service("counter", SUBSCRIPTION, CounterStore(), decide)
    deciding = Deciding(service, Tracing("counter"), PARTITIONS)
    subjects = {one.input.subject for one in items if one.input is not None}
    effects: Effects[Kept, None] = Effects({s: SubjectInBatch(0) for s in subjects}, None)
    effects.subjects[Subject.lead(LEAD)] = SubjectInBatch(0, state)
    todo = deciding.pick(items, known, effects)
    deciding.decide(todo, {0: bundle}, {0: NOW}, effects)
    return effects


def count(effects: Effects[Kept, None]) -> Count:
    state = effects.subjects[Subject.lead(LEAD)].state
    assert isinstance(state, Count)
    return state


def test_inputs_of_a_lead_follow_each_other(bundle: Bundle) -> None:
    effects = effects_of([of(captured(LEAD)), asked(), fired()], bundle)
    assert (count(effects).captured, count(effects).commands, count(effects).timers) == (
        1,
        1,
        ["t"],
    )
    sequences = effects.subjects[Subject.lead(LEAD)].sequences
    assert sequences == {"lead-scored": len(effects.outbox)} == {"lead-scored": 3}


def test_an_id_takes_effect_once_in_a_batch_and_not_if_the_inbox_has_it(bundle: Bundle) -> None:
    once, known = of(captured(LEAD)), of(captured(LEAD))
    assert known.input is not None
    effects = effects_of([once, once, known], bundle, known=[known.input.id])
    assert count(effects).captured == 1
    assert effects.counts == {("event", "applied"): 1, ("event", "duplicate"): 2}


def test_an_input_that_raises_is_a_poison_and_changes_nothing_else(bundle: Bundle) -> None:
    before = Count(captured=3)
    effects = effects_of([of(followup(LEAD, poison=True)), asked(body="poison")], bundle, before)
    assert [poison.reason.partition(":")[0] for poison in effects.poisons] == ["ValueError"] * 2
    assert count(effects) == before
    assert not effects.subjects[Subject.lead(LEAD)].changed
    assert not effects.outbox


def test_a_decision_and_its_repetition_give_the_same_ids(bundle: Bundle) -> None:
    items = [of(followup(LEAD, tell=True, pool="emea")), asked()]
    first, second = effects_of(items, bundle), effects_of(items, bundle)
    assert [row.event_id for row in first.outbox] == [row.event_id for row in second.outbox]
    assert [each.id for each in first.commands] == [each.id for each in second.commands]
    (ask,) = first.commands
    assert ask.ask.subject.kind == POOL
    assert ask.shard == ask.ask.subject.shard(PARTITIONS)


def test_a_timer_that_the_batch_has_moved_does_not_fire(bundle: Bundle) -> None:
    effects = effects_of([of(followup(LEAD, arm=60)), fired()], bundle)
    assert count(effects).timers == []
    armed = effects.timers[Subject.lead(LEAD), "t"]
    assert armed is not None
    assert armed.arm.due_at == NOW + timedelta(seconds=60)


def test_an_erasure_takes_back_what_the_batch_has_come_to_for_its_lead_alone(
    bundle: Bundle,
) -> None:
    other = uuid4()
    items = [
        of(followup(LEAD, arm=60, tell=True, amount=1)),
        of(followup(other, arm=60, tell=True, amount=2)),
        of(erased(LEAD)),
    ]
    effects = effects_of(items, bundle)
    assert {row.key for row in effects.outbox} == {str(other).encode()}
    assert effects.timers[Subject.lead(LEAD), "t"] is None
    assert effects.timers[Subject.lead(other), "t"] is not None
    (erasure,) = effects.erasures
    assert (erasure.subject, erasure.rows_before) == (Subject.lead(LEAD), 2)
    assert effects.subjects[Subject.lead(LEAD)].state is None


def test_all_rows_that_the_decisions_of_a_batch_miss_are_named_together(bundle: Bundle) -> None:
    def misses(
        state: Kept | None, shared: None, given: Input, in_force: Bundle, now: datetime
    ) -> Decision[Kept, None]:
        raise NotLockedError([("pool", str(given.id))])

    items = [asked(), asked()]
    service = Service("counter", SUBSCRIPTION, CounterStore(), misses)
    deciding = Deciding(service, Tracing("counter"), PARTITIONS)
    effects: Effects[Kept, None] = Effects({Subject.lead(LEAD): SubjectInBatch(0)}, None)
    with pytest.raises(NotLockedError) as caught:
        deciding.decide(items, {0: bundle}, {0: NOW}, effects)
    assert caught.value.rows == {("pool", str(one.command)) for one in items}
    assert not effects.poisons


@pytest.mark.parametrize(("before", "arms", "after"), [(1, 1, 1), (1, 2, 2), (3, 2, 3)])
def test_the_version_of_a_subject_goes_up_with_its_timers_and_never_down(
    bundle: Bundle, before: int, arms: int, after: int
) -> None:
    service = Service("counter", SUBSCRIPTION, CounterStore(), decide, version=3)
    deciding = Deciding(service, Tracing("counter"), PARTITIONS)
    subject = Subject.lead(LEAD)
    effects: Effects[Kept, None] = Effects({subject: SubjectInBatch(0, version=before)}, None)
    item = of(followup(LEAD, arm=60, version=arms))
    deciding.decide([item], {0: bundle}, {0: NOW}, effects)
    assert effects.subjects[subject].version == after


def test_an_erased_subject_begins_at_the_first_version_again(bundle: Bundle) -> None:
    service = Service("counter", SUBSCRIPTION, CounterStore(), decide, version=3)
    deciding = Deciding(service, Tracing("counter"), PARTITIONS)
    subject = Subject.lead(LEAD)
    effects: Effects[Kept, None] = Effects({subject: SubjectInBatch(0, version=3)}, None)
    deciding.decide([of(erased(LEAD))], {0: bundle}, {0: NOW}, effects)
    assert effects.subjects[subject].version == 1


@pytest.mark.parametrize(
    ("subject", "stored"),
    [
        (SubjectInBatch(0, changed=True), False),
        (SubjectInBatch(0, Count(), changed=True), True),
        (SubjectInBatch(0, Count()), False),
        (SubjectInBatch(0, None, stored=True, changed=True), True),
        (SubjectInBatch(0, None, version=2, changed=True), True),
        (SubjectInBatch(0, None, activated=LEAD, changed=True), True),
        (SubjectInBatch(0, None, erased_at=NOW, changed=True), True),
    ],
)
def test_a_subject_is_stored_where_its_row_would_say_something_else(
    subject: SubjectInBatch[Count], *, stored: bool
) -> None:
    assert subject.must_be_stored == stored
