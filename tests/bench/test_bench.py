"""`make bench` works. How fast anything is, no test says: that depends on the machine.

The scenario that takes least stands for all; `make bench ARGS=--quick` tries the others.
"""

import pytest

from baton_local.stack import Stack
from tests.bench import calibration, due_timers, taking_in
from tests.bench.__main__ import wanted_scenarios
from tests.bench.deployment import servers
from tests.bench.figures import Unit
from tests.bench.setting import QUICK, Setting


@pytest.mark.trial
async def test_each_way_into_kafka_is_measured_beside_the_bare_endpoint(
    shared_stack: Stack,
) -> None:
    setting = Setting(stack=shared_stack, sizes=QUICK, say=lambda _: None)
    figures = {figure.what: figure async for figure in taking_in.scenario(setting)}
    assert taking_in.AIMS.keys() <= figures.keys()
    floors = {figure.floor for figure in figures.values() if figure.floor}
    assert floors
    assert floors <= figures.keys()
    # So few leads may take less CPU than the system counts.
    counted = [figures[floor] for floor in floors if figures[floor].unit is not Unit.MS_CPU]
    assert all(figure.value > 0 for figure in counted)


@pytest.mark.trial
async def test_the_calibration_measures_a_loop_and_a_bare_relay(shared_stack: Stack) -> None:
    setting = Setting(stack=shared_stack, sizes=QUICK, say=lambda _: None)
    figures = {figure.what: figure async for figure in calibration.scenario(setting)}
    assert figures[calibration.LOOP].value > 0
    assert calibration.RELAY in figures
    assert figures["bare relay: a hop: p50"].value > 0


@pytest.mark.trial
async def test_due_timers_are_measured_beside_the_monitors_catch_up() -> None:
    # Of its own, since the scenario measures the CPU of the servers too.
    with servers() as stack:
        setting = Setting(stack=stack, sizes=QUICK, say=lambda _: None)
        figures = {figure.what: figure async for figure in due_timers.scenario(setting)}
    assert due_timers.AIMS.keys() <= figures.keys()
    assert figures[due_timers.INPUTS].floor == due_timers.CATCH_UP
    assert figures[due_timers.CATCH_UP].value > 0
    assert figures[due_timers.ROLLBACKS].value == 0


def test_every_run_begins_with_the_calibration() -> None:
    assert wanted_scenarios(["latency"]) == ["calibration", "latency"]
    assert wanted_scenarios(["growth", "calibration"]) == ["calibration", "growth"]
    assert wanted_scenarios(None)[0] == "calibration"
    assert "import" not in wanted_scenarios(None)
