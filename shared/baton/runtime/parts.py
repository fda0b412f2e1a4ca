"""The classes of the runner's parts, which tests replace by subclasses."""

from dataclasses import dataclass
from typing import Any

from baton.runtime.batch import Reader
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.deciding import Deciding
from baton.runtime.due_work import DueWork
from baton.runtime.polling import Polling
from baton.runtime.publisher import Publisher
from baton.runtime.saving import Saving
from baton.runtime.shard_opener import ShardOpener
from baton.runtime.shard_work import ShardWork
from baton.runtime.timer_gate import TimerGate


@dataclass(frozen=True, slots=True)
class RunnerParts:
    """The classes of the parts that carry out a step of the protocol."""

    transaction: type[BatchTransaction[Any, Any]] = BatchTransaction
    deciding: type[Deciding[Any, Any]] = Deciding
    saving: type[Saving[Any, Any]] = Saving
    reader: type[Reader] = Reader
    opener: type[ShardOpener] = ShardOpener
    gate: type[TimerGate] = TimerGate
    polling: type[Polling] = Polling
    due_work: type[DueWork] = DueWork
    work: type[ShardWork[Any, Any]] = ShardWork
    publisher: type[Publisher] = Publisher
