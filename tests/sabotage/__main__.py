"""Starts a process whose runner leaves steps out: `python -m tests.sabotage STEP,STEP MODULE`.

The module is a service's entry point, such as `routing.main`.
"""

import runpy
import sys

from baton.runtime.runner import Runner
from tests.sabotage.steps import runner_without


def main() -> None:
    steps, module = sys.argv[1:]
    sabotaged = runner_without(steps.split(","))
    for name in ("parts", "session", "_check_breaker"):
        setattr(Runner, name, getattr(sabotaged, name))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
