"""The short form of `make chaos`: some are killed, some frozen, and no promise is broken."""

from baton_local.stack import Stack
from tests.chaos.seed import SHORT, run


def test_no_promise_is_broken_under_fire(module_stack: Stack) -> None:
    told: list[str] = []
    result = run(module_stack, 1, SHORT, (), told.append)
    assert result.violations == [], "\n".join([*told, 'again: make chaos ARGS="--short --seed 1"'])
    assert len(result.seen.sent) >= SHORT.leads
