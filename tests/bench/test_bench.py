"""`make bench` works. How fast anything is, no test says: that depends on the machine."""

from baton_local.stack import Stack
from bench import catching_up, importing, latency, taking_in
from bench.figures import Figure
from bench.setting import QUICK, Scenario, Setting


async def found(scenario: Scenario, stack: Stack) -> dict[str, Figure]:
    setting = Setting(stack=stack, sizes=QUICK, say=lambda _: None)
    return {figure.what: figure async for figure in scenario(setting)}


async def test_each_consumer_works_off_its_backlog_and_is_measured(module_stack: Stack) -> None:
    figures = await found(catching_up.scenario, module_stack)
    assert catching_up.AIMS.keys() <= figures.keys()
    assert all(figures[what].value > 0 for what in catching_up.AIMS)
    assert figures["scoring: events decided on"].value == 100


async def test_leads_go_all_the_way_at_both_rates_beside_the_bare_chain(
    module_stack: Stack,
) -> None:
    figures = await found(latency.scenario, module_stack)
    assert latency.AIMS.keys() <= figures.keys()
    for figure in figures.values():
        assert figure.floor is None or figures[figure.floor].value > 0


async def test_each_way_into_kafka_is_measured_beside_the_bare_endpoint(
    module_stack: Stack,
) -> None:
    figures = await found(taking_in.scenario, module_stack)
    assert taking_in.AIMS.keys() <= figures.keys()
    assert all(figures[figure.floor].value > 0 for figure in figures.values() if figure.floor)


async def test_a_list_is_imported_though_it_is_killed_and_beside_live_leads(
    module_stack: Stack,
) -> None:
    figures = await found(importing.scenario, module_stack)
    assert importing.AIMS.keys() <= figures.keys()
    assert all(figure.value > 0 for figure in figures.values())
