"""The summary of the demo: totals, SLA results, and the fairness of the assignments."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from baton_local.demo.board import Promise
from baton_local.demo.live import percentiles
from baton_local.demo.news import in_plain
from baton_local.demo.plan import Kind
from baton_local.demo.scene import Scene

_WAYS = {
    Kind.LEAD: "by the API",
    Kind.BATCH: "in a batch",
    Kind.FORM: "by Standard Webhooks",
    Kind.SURVEY: "by Typeform",
}
_REFUSALS = {401: "signed by somebody else", 422: "without anything that tells whose it is"}


def summary(scene: Scene) -> RenderableType:
    """For 80 columns or more."""
    parts: list[RenderableType] = []
    for title, rows in (
        ("What came in", _came_in(scene)),
        ("Who has the leads", _owners(scene)),
        ("What was promised", _promises(scene)),
    ):
        table = Table.grid(
            Column(justify="right", min_width=6, style="bold"), Column(), padding=(0, 2, 0, 0)
        )
        for count, words in rows:
            table.add_row(str(count), words)
        parts += [Text(f"\n{title}", "bold cyan"), table]
    shares = (Text("\nHow they were dealt", "bold cyan"), _shares(scene))
    return Group(*parts, *shares, Text(), *_verdict(scene))


def _came_in(scene: Scene) -> Iterator[tuple[int, str]]:
    ledger, followups = scene.ledger, scene.board.followups
    ways = _listed((ledger.accepted[kind], words) for kind, words in _WAYS.items())
    why = _listed((ledger.refused[status], words) for status, words in _REFUSALS.items())
    answers = _listed((count, kind.value) for kind, count in followups.most_common())
    yield len(ledger.enquiries), f"enquiries: {ways}"
    yield ledger.activities, "activities, such as a look at the prices"
    yield ledger.twice, "sent once more, as senders do, and taken once"
    yield ledger.refused.total(), f"refused, as they had to be: {why}"
    yield followups.total(), f"answers of the reps: {answers}"


def _owners(scene: Scene) -> Iterator[tuple[int, str]]:
    board = scene.board
    yield len(scene.ledger.leads), "leads, of which"
    waited = f", {len(board.waited)} after a wait for one with time" if board.waited else ""
    yield board.owned, f"have a rep{waited}"
    for code, count in board.unowned.most_common():
        yield count, f"have none: {in_plain(code)}"


def _promises(scene: Scene) -> Iterator[tuple[int, str]]:
    board = scene.board
    yield len(board.promises), f"promises to answer within {board.allowed_seconds} s, of which"
    broken = board.count(Promise.BROKEN)
    stayed = broken - board.reassigned
    rest = f", {stayed} stayed, since no other had time" if stayed else ""
    yield board.count(Promise.MET), "were kept"
    yield broken, f"were broken: {board.reassigned} leads went to another rep{rest}"
    yield board.count(Promise.DROPPED), "ended early, since the rep declined the lead"
    yield board.warned, "warnings before that, with half of the time left"


def _shares(scene: Scene) -> Table:
    """Turns are dealt by weight, but for who had the lead before, or has no time for another."""
    board = scene.board
    assigned, promised = board.assigned_counts(), board.promised()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("  pool", "rep"):
        table.add_column(name)
    for name in ("weight", "leads", "fair share", "kept", "broken", "open now"):
        table.add_column(name, justify="right")
    for pool in dict.fromkeys(part.pool for rep in scene.reps for part in rep.pools):
        members = [
            (rep, membership)
            for rep in scene.reps
            for membership in rep.pools
            if membership.pool == pool
        ]
        total = sum(assigned[pool, rep.id] for rep, _ in members)
        weights = sum(membership.weight for _, membership in members)
        for number, (rep, member) in enumerate(members):
            table.add_row(
                "" if number else f"  {pool}",
                rep.name,
                str(member.weight),
                Text(str(assigned[pool, rep.id]), "bold"),
                f"{total * member.weight / weights:.1f}",
                str(promised[pool, rep.id, Promise.MET]),
                str(promised[pool, rep.id, Promise.BROKEN]),
                str(rep.open_leads),
            )
    return table


def _verdict(scene: Scene) -> Iterator[Text]:
    board = scene.board
    times = percentiles(board.seconds_to_owner(scene.ledger.sent_at))
    yield Text.assemble("From the HTTP request to the rep: ", (times or "never", "bold"), ".")
    faults = list(scene.faults())
    for fault in faults:
        yield Text.assemble(("✘ ", "bold red"), fault)
    if not faults:
        yield Text.assemble(
            ("✔ ", "bold green"),
            "It adds up: every lead has a rep or a reason, every promise its end; no dead letters"
            f", {board.repeated} events sent twice and counted once.",
        )


def _listed(counts: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{count} {words}" for count, words in counts if count)
