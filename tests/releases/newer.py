"""The newer release of scoring: a field of the state, a timer and a command that the older lacks.

A trial that a lead has started ends at a time, and the lead has notes. An event sets the field
`trials` and arms the timer, which fires into `ended`; the command comes by HTTP and adds to
`notes`. Each value is added to and never looked up, so that one which is lost or counted twice
shows. They are of version 2; a lead without any of them is of version 1, as the older release
writes it.
"""

from collections.abc import Sequence

from tests.releases.release import Edit

SERVICE = "scoring"
TRIAL = "trial:"
"""How the new timer's name begins; the id of the event that armed it follows."""

_PACKAGE = "services/scoring/scoring"

_VERSION = Edit(
    f"{_PACKAGE}/service.py",
    "ScoringStore(), decide, READS)",
    "ScoringStore(), decide, READS, version=2)",
)
_ROUTER = Edit(
    f"{_PACKAGE}/service.py",
    """\
    from scoring.api import router
    from scoring.store import Reads

    return Routers(guarded=(router(Reads(resources.engine)),))
""",
    """\
    from scoring.api import notes, router
    from scoring.store import Reads

    return Routers(guarded=(router(Reads(resources.engine)), notes(resources.commands)))
""",
)
_ROUTE = Edit(
    f"{_PACKAGE}/api.py",
    """\
def router(reads: Reads) -> APIRouter:
""",
    '''\
class Note(BaseModel):
    """A note on a lead."""

    text: str


def notes(commands: Commands) -> APIRouter:
    """The route that notes something."""
    routes = APIRouter(prefix="/v1", tags=["leads"])

    @routes.post("/leads/{lead_id}/notes")
    async def note(lead_id: UUID, body: Note) -> None:
        """It is kept, and takes effect when the lead's shard comes to it."""
        await commands.ask(Subject.lead(lead_id), "note", body.text, version=2)

    return routes


def router(reads: Reads) -> APIRouter:
''',
)
_ROUTE_IMPORTS = Edit(
    f"{_PACKAGE}/api.py",
    """\
from baton.problems import Problem, ProblemBody
""",
    """\
from baton.problems import Problem, ProblemBody
from baton.runtime.commands import Commands
from baton.subjects import Subject
""",
)
_FIELDS = Edit(
    f"{_PACKAGE}/domain/state.py",
    """\
    told: PublishedScore | None = None

    @property
    def counted_enquiries""",
    """\
    told: PublishedScore | None = None
    trials: tuple[UUID, ...] = ()
    ended: tuple[UUID, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counted_enquiries""",
)
_STATE_VERSION = Edit(
    f"{_PACKAGE}/store.py",
    "        return 1\n",
    "        return 2 if state.trials or state.ended or state.notes else 1\n",
)
_CASES = Edit(
    f"{_PACKAGE}/domain/decision.py",
    """\
            return _on_event(state, cause, bundle, now)
        case TimerInput(name=name) if name == COOLING:
""",
    """\
            return _with_trial(_on_event(state, cause, bundle, now), cause)
        case TimerInput(name=name) if name.startswith("trial:"):
            return _with(state, "ended", UUID(name.removeprefix("trial:")))
        case CommandInput(kind="note"):
            return _with(state, "notes", str(cause.body))
        case TimerInput(name=name) if name == COOLING:
""",
)
_DECISIONS = Edit(
    f"{_PACKAGE}/domain/decision.py",
    """\
def _on_event(
""",
    '''\
def _with_trial(decision: Decision[Lead, None], event: EventInput) -> Decision[Lead, None]:
    """Of a trial that has started, with the time at which it ends for its subject."""
    data = event.event.data
    if not isinstance(data, LeadActivity) or data.type is not ActivityType.TRIAL_STARTED:
        return decision
    ends_at = datetime.fromisoformat(data.subject or "")
    arm = Arm(f"trial:{event.id}", ends_at, version=2)
    state = _with(decision.state, "trials", event.id).state
    return replace(decision, state=state, arm=(*decision.arm, arm))


def _with(state: Lead | None, field: str, value: object) -> Decision[Lead, None]:
    lead = state or Lead()
    return Decision(lead.model_copy(update={field: (*getattr(lead, field), value)}))


def _on_event(
''',
)
_DECISION_IMPORTS = Edit(
    f"{_PACKAGE}/domain/decision.py",
    """\
from dataclasses import dataclass
""",
    """\
from dataclasses import dataclass, replace
""",
)
_EVENT_IMPORTS = Edit(
    f"{_PACKAGE}/domain/decision.py",
    """\
from baton.events import (
""",
    """\
from baton.events import (
    ActivityType,
""",
)

EDITS: Sequence[Edit] = (
    _VERSION,
    _ROUTER,
    _ROUTE,
    _ROUTE_IMPORTS,
    _FIELDS,
    _STATE_VERSION,
    _CASES,
    _DECISIONS,
    _DECISION_IMPORTS,
    _EVENT_IMPORTS,
)
"""Each names the text that it stands on, so that it fails where the code has changed there."""
