"""What follows from a seed follows from it each time, and leaves nobody out."""

from collections import Counter
from itertools import islice

import pytest

from baton.runtime.saving import RECORD
from baton.runtime.shard_opener import UNPUBLISHED
from baton_local.services import SERVICES
from tests.chaos.faults import begins
from tests.chaos.schedule import (
    Freeze,
    Kill,
    LateRaise,
    Outage,
    Overlap,
    Server,
    Storm,
    Thaw,
    schedule,
)
from tests.chaos.workload import Act, Sort, enquiries, reaction

SEEDS = range(1, 21)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_faults_and_the_same_enquiries_each_time(seed: int) -> None:
    assert schedule(seed) == schedule(seed)
    assert list(islice(enquiries(seed), 50)) == list(islice(enquiries(seed), 50))


def test_seeds_differ() -> None:
    assert len({str(schedule(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_service_is_hit_by_each_kind_of_fault_and_each_server_goes_away(seed: int) -> None:
    faults = [fault for scene in schedule(seed) for fault in scene.faults]
    assert {fault.process.service for fault in faults if isinstance(fault, Kill)} == set(SERVICES)
    beyond = [f for f in faults if isinstance(f, Freeze) and f.thaw is Thaw.BEYOND_EVERY_TIMEOUT]
    assert {fault.process.service for fault in beyond} == set(SERVICES)
    assert {fault.service for fault in faults if isinstance(fault, Storm)} == set(SERVICES)
    assert {fault.service for fault in faults if isinstance(fault, LateRaise)} == set(SERVICES)
    assert {fault.server for fault in faults if isinstance(fault, Outage)} == set(Server)
    (waking,) = [fault for fault in faults if isinstance(fault, Overlap)]
    assert {process.service for process in waking.processes} == set(SERVICES)


@pytest.mark.parametrize("seed", SEEDS)
def test_people_and_reps_of_all_sorts_are_there(seed: int) -> None:
    people = list(islice(enquiries(seed), 1000))
    sorts = Counter(person.sort for person in people)
    assert set(sorts) == set(Sort)
    acts = {found[0] for p in people if (found := reaction(seed, p.email, 1)) is not None}
    assert acts == set(Act)


def test_faults_recognise_the_runner_s_statements() -> None:
    assert begins(RECORD.format(inbox="inbox_0"), RECORD)
    assert begins(UNPUBLISHED, UNPUBLISHED)
    assert not begins(UNPUBLISHED, RECORD)
