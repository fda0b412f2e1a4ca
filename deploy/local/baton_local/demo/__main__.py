"""`python -m baton_local.demo`: leads on their way from a form to a rep, before one's eyes."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from baton.cloudevents import NotDecodableError
from baton_local.demo import plan as planning
from baton_local.demo.cast import STAR
from baton_local.demo.playing import play
from baton_local.demo.running import own_baton
from baton_local.demo.scene import Scene
from baton_local.demo.screens import screen_for
from baton_local.demo.steps import Steps
from baton_local.demo.summary import summary
from baton_local.errors import StackError
from baton_local.paths import ROOT
from baton_local.services import SERVICES

_INTERRUPTED = 130
GO_ON = """
[bold cyan]How to go on[/]
  [bold]make up[/]               the same to stay, with the policy of deploy/policy; then
  [bold]. .run/up/env[/]         its addresses and secrets, for this shell
  [bold]baton send FILE[/]       your own leads, or those of deploy/samples/leads.ndjson
  [bold]baton explain EMAIL[/]   what became of one of them, and why
  [bold]deploy/demo-policy[/]    say, `allowed: 4s` in sla.yaml, and `make demo` again
  [bold]README.md, docs/[/]      how it works, how it is run, every event, every key
"""


def main() -> None:
    argparse.ArgumentParser(prog="python -m baton_local.demo", description=__doc__).parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        # What a terminal's encoding lacks is better shown as ? than the end of the demo.
        sys.stdout.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminate)
    console = Console(highlight=False)
    try:
        with Steps(console) as steps, own_baton(steps.say) as settings:
            steps.over()
            adds_up = _demo(console, settings)
    except StackError as error:
        errors = Console(stderr=True, highlight=False)
        text = "\n".join((str(error), *getattr(error, "__notes__", ())))
        errors.print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit(0 if adds_up else 1)


def _demo(console: Console, settings: Mapping[str, str]) -> bool:
    """Whether it adds up at the end."""
    plan = planning.made()
    scene = Scene.empty(len(plan.deliveries))
    _play(settings, plan, scene, console)
    console.print(summary(scene))
    _tell_a_story(console, settings, scene)
    console.print(GO_ON, soft_wrap=True)
    return not any(scene.faults())


def _tell_a_story(console: Console, settings: Mapping[str, str], scene: Scene) -> None:
    """By the operator's command, as the reader would."""
    rescued = scene.board.rescued()
    if not rescued:
        return
    profiles = {lead_id: scene.board.scored[lead_id].profile for lead_id in rescued}
    star = (lead for lead, profile in profiles.items() if profile.contact.email == STAR.email)
    lead = next(star, rescued[0])
    title = "The story of a lead whom one rep did not answer in time"
    console.print(Text.assemble("\n", (title, "bold cyan"), (f"\n$ baton explain {lead}", "dim")))
    baton = str(Path(sys.executable).with_name("baton"))
    environment = {**os.environ, **settings}
    subprocess.run([baton, "explain", str(lead)], cwd=ROOT, env=environment, check=False)


def _play(settings: Mapping[str, str], plan: planning.Plan, scene: Scene, console: Console) -> None:
    """Raises StackError for whatever goes wrong out there."""
    try:
        with screen_for(console) as screen:
            asyncio.run(play(settings, plan, scene, screen))
    except BaseExceptionGroup as group:
        cause = _first(group)
        if isinstance(cause, httpx.RequestError):
            services = {settings[f"BATON_{name.upper()}_URL"]: name for name in SERVICES}
            name = next(n for url, n in services.items() if str(cause.request.url).startswith(url))
            raise StackError(f"{name} does not answer ({type(cause).__name__})") from group
        if isinstance(cause, httpx.HTTPStatusError | KafkaError | NotDecodableError):
            raise StackError(f"{type(cause).__name__}: {cause}") from group
        raise cause from group


def _first(group: BaseExceptionGroup) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """As Ctrl-C: what was started is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
