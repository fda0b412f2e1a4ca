"""All that can be shown: what was sent, what the topics say, what the reps have open."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from baton.cloudevents import Event
from baton.events import EventData
from baton_local.demo.board import Board
from baton_local.demo.ledger import Ledger
from baton_local.demo.news import Newsroom
from baton_local.demo.watching import Rep


@dataclass(slots=True)
class Scene:
    """Changes as things happen; whoever draws it reads it at that moment."""

    begun: float
    """By the monotonic clock, as all times here."""
    ledger: Ledger
    board: Board
    news: Newsroom
    reps: tuple[Rep, ...] = ()
    heard_at: float = 0.0
    """When the latest new event was read."""

    @staticmethod
    def empty(planned: int) -> "Scene":
        """Begins now."""
        begun, board = time.monotonic(), Board()
        return Scene(begun, Ledger(planned), board, Newsroom(board, begun))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.begun

    @property
    def quiet_seconds(self) -> float:
        """Since anything new was read."""
        return time.monotonic() - max(self.begun, self.heard_at)

    def hear(self, event: Event[EventData], at: float) -> bool:
        """Whether an event was new. `at` is when it was read."""
        new = self.board.hear(event, at)
        if new:
            self.heard_at = at
            self.news.hear(event, at)
        return new

    def unfinished(self) -> Iterator[str]:
        """The work that is not finished yet, in words; empty once all deliveries are settled."""
        board, ledger = self.board, self.ledger
        if missing := len(ledger.enquiries.keys() - board.captured.keys()):
            yield f"enquiries that are not on lead-captured: {missing}"
        if missing := len(ledger.leads - board.standing.keys()):
            yield f"leads without a rep and without a reason: {missing}"
        if board.waiting:
            yield f"leads that wait for a rep with time: {board.waiting}"
        promised = {promise.assignment_id for promise in board.promises.values()}
        if missing := sum(
            assignment.assignment_id not in promised for assignment in board.assignments
        ):
            yield f"assignments without a clock: {missing}"
        if board.open_promises:
            yield f"clocks that run: {board.open_promises}"

    def faults(self) -> Iterator[str]:
        """The numbers that do not agree at the end, in words."""
        yield from self.unfinished()
        if strangers := len(self.board.standing.keys() - self.ledger.leads):
            yield f"leads that were never sent: {strangers}"
        if self.board.dead_letters:
            yield f"dead letters: {self.board.dead_letters}"
