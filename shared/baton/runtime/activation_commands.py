"""The commands that a service's subjects get when a bundle takes effect."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from baton import identity
from baton.policy.bundle import Bundle
from baton.runtime.activations import Activation
from baton.runtime.decisions import Ask
from baton.runtime.effects import Activated, AskedCommand
from baton.runtime.inputs import ACTIVATION
from baton.subjects import Subject


class ActivationCommands:
    """Gives each subject that a bundle names one command for each activation of it.

    The mark of a shard, in `shard.activated`, says for which activation and for which subjects this
    was done. Another release may name others for the same bundle: then the mark differs, and those
    get their command. A subject's row has the activation whose command it was given, so none gets
    two.
    """

    def __init__(
        self,
        subjects: Callable[[Bundle], Iterable[Subject]],
        kind_versions: Mapping[str, int],
        shards: int,
    ) -> None:
        self._subjects = subjects
        self._kind_versions = kind_versions
        self._shards = shards
        self._named_by = ""
        self._named: Mapping[int, tuple[Subject, ...]] = {}

    def due(
        self,
        marks: Mapping[int, str | None],
        in_force: Mapping[int, tuple[Activation, Bundle]],
        nows: Mapping[int, datetime],
    ) -> Activated:
        """The commands that these shards have not given yet. All arguments are by shard."""
        commands: list[AskedCommand] = []
        new_marks: dict[int, str] = {}
        for shard, (activation, bundle) in in_force.items():
            subjects = self._of_shard(bundle, shard)
            mark = _mark(activation.activation_id, subjects)
            if marks.get(shard) == mark:
                continue
            new_marks[shard] = mark
            commands += [
                self._command(activation, subject, shard, nows[shard]) for subject in subjects
            ]
        return Activated(tuple(commands), new_marks)

    def _of_shard(self, bundle: Bundle, shard: int) -> tuple[Subject, ...]:
        if self._named_by != bundle.hash:
            named: dict[int, list[Subject]] = {}
            for subject in sorted(set(self._subjects(bundle))):
                named.setdefault(subject.shard(self._shards), []).append(subject)
            self._named = {number: tuple(some) for number, some in named.items()}
            self._named_by = bundle.hash
        return self._named.get(shard, ())

    def _command(
        self, activation: Activation, subject: Subject, shard: int, now: datetime
    ) -> AskedCommand:
        name = f"{ACTIVATION}:{subject.kind}:{subject.id}"
        body: JsonValue = {"activation_id": str(activation.activation_id), "hash": activation.hash}
        ask = Ask(subject, ACTIVATION, body, self._kind_versions.get(subject.kind, 1))
        cause, time = activation.activation_id, activation.effective_at
        return AskedCommand(identity.following_id(cause, time, name, 0), shard, ask, now, None)


def _mark(activation_id: UUID, subjects: tuple[Subject, ...]) -> str:
    names = (text for subject in subjects for text in (subject.kind, str(subject.id)))
    return f"{activation_id} {identity.named_id('named', *names)}"
