"""The demo's own Baton: on free ports, with the demo's policy, gone when the demo is."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from baton_local.errors import StackError
from baton_local.leftovers import DEMOS, new_state, remove_leftovers
from baton_local.paths import ROOT
from baton_local.ports import Ports
from baton_local.services import environment, secret_names
from baton_local.stack import Stack, start_on_free_ports
from baton_local.starting import start_baton

BUNDLE = ROOT / "deploy" / "demo-policy"


@contextmanager
def own_baton(say: Callable[[str], None]) -> Iterator[Mapping[str, str]]:
    """The settings of the demo's services; `say` gets each step of the start and the stop. All
    processes end with the block, and its files are removed. After a StackError the files stay until
    the next demo, because of the logs.
    """
    # Those of another Baton, which this one shall not hear of.
    for name in [name for name in os.environ if name.startswith("BATON_")]:
        del os.environ[name]
    remove_leftovers(DEMOS)
    made: list[Stack] = []

    def make(ports: Ports) -> Stack:
        made.append(Stack(new_state(DEMOS), ports))
        return made[-1]

    keep = False
    try:
        yield _line(
            start_on_free_ports(make, lambda stack: start_baton(stack, _line(stack), BUNDLE, say))
        )
    except StackError as error:
        keep = True
        logs = made[-1].state.logs
        if any(logs.glob("*.log")):
            error.add_note(f"logs: {logs}")
        raise
    finally:
        say("stopping what was started")
        for stack in made:
            if keep:
                stack.stop()
            else:
                stack.remove()


def _line(stack: Stack) -> dict[str, str]:
    # Its promises are of seconds: a breach that waited for longer would come after the end.
    return environment(stack, secret_names(BUNDLE)) | {"BATON_TIMES__SETTLE": "1"}
