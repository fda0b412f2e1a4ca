"""Where a scene is shown while it changes: a terminal, or a log."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from baton_local.demo import live
from baton_local.demo.board import Promise
from baton_local.demo.news import Sort
from baton_local.demo.scene import Scene

_LINE_EACH_S = 2.0
_TOLD_IN_A_LOG = frozenset({Sort.BROKEN, Sort.PASSED_ON})


class Screen(Protocol):
    """Shows a scene between entering and leaving, as often as it is asked."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, scene: Scene) -> None: ...


def screen_for(console: Console) -> Screen:
    """A picture where there is room for one and a cursor that can be moved; else lines."""
    columns, rows = live.SMALLEST
    fits = console.width >= columns and console.height >= rows
    if console.is_terminal and not console.is_dumb_terminal and fits:
        return Picture(console)
    return Lines(console)


class Picture:
    """Takes the whole terminal, and gives it back as it was."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, scene: Scene) -> None:
        width, height = self._console.size
        self._live.update(live.picture(scene, width, height), refresh=True)


class Lines:
    """A line every two seconds, and two for each promise that is broken."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0
        self._line = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def show(self, scene: Scene) -> None:
        for news in scene.news.latest:
            if news.at > self._line and news.sort in _TOLD_IN_A_LOG:
                self._print(news.at, news.says)
                self._line = news.at
        if scene.seconds >= self._next:
            self._next = scene.seconds + _LINE_EACH_S
            self._print(scene.seconds, _in_a_line(scene))

    def _print(self, at: float, says: str) -> None:
        self._console.print(f"{at:5.1f} s  {escape(says)}", soft_wrap=True)


def _in_a_line(scene: Scene) -> str:
    ledger, board = scene.ledger, scene.board
    return (
        f"{ledger.deliveries} of {ledger.planned} deliveries; {len(board.scored)} leads, "
        f"{board.owned} with a rep; promises: {board.open_promises} running, "
        f"{board.warned} warned, {board.count(Promise.MET)} kept, "
        f"{board.count(Promise.BROKEN)} broken"
    )
