"""The shards that Kafka assigns to this process: open shards, and shards closed by a fault."""

import time

from baton.logs import logger
from baton.metrics import RuntimeMetrics
from baton.runtime.errors import ShardFaultError
from baton.runtime.shard_opener import Shard
from baton.runtime.status import Status
from baton.times import Times

_LOG = logger(__name__)
_PART = "shards"


class OwnedShards:
    """Keeps which shards are open, and closes single ones for a fault.

    A closed shard is to be tried again after `Times.session`. Its fault stays visible until the
    shard has then been open for as long without another: so it does not come and go while the cause
    is still there.
    """

    def __init__(
        self, times: Times, metrics: RuntimeMetrics, status: Status, degraded: Status
    ) -> None:
        self._times = times
        self._metrics = metrics
        self._status = status
        self._degraded = degraded
        self.open: dict[int, Shard] = {}
        self._faults: dict[int, ShardFaultError] = {}
        # When a closed shard is tried again, or when one that was opened again is taken for sound.
        self._trial_ends: dict[int, float] = {}

    def add(self, shard: Shard) -> None:
        """A shard is open."""
        self.open[shard.number] = shard
        self._trial_ends[shard.number] = self._later()
        self._show()

    def close(self, fault: ShardFaultError) -> None:
        """Close one shard; the others go on."""
        number = fault.shard
        self.open.pop(number, None)
        before = self._faults.get(number)
        if before is None or str(before) != str(fault):
            _LOG.error(
                "a shard was closed by a fault", shard=number, code=fault.code, why=str(fault)
            )
            self._forget_fault(number)
        self._faults[number] = fault
        self._trial_ends[number] = self._later()
        self._metrics.shards_closed.labels(str(number), fault.code).set(1)
        self._degraded.not_ready(f"shard {number}", str(fault))
        self._show()

    def to_try_again(self) -> list[int]:
        """The closed shards whose time to be tried again has come."""
        now = time.monotonic()
        return sorted(
            number
            for number in self._faults
            if number not in self.open and self._trial_ends[number] <= now
        )

    def postpone(self, number: int) -> None:
        """Try a closed shard again later: it could not be tried now."""
        self._trial_ends[number] = self._later()

    def clear_old_faults(self) -> None:
        """Forget the faults of shards that have been open again for long without another."""
        now = time.monotonic()
        for number in [n for n in self._faults if n in self.open and self._trial_ends[n] <= now]:
            _LOG.info("a shard works again", shard=number)
            self._forget_fault(number)

    def clear(self) -> None:
        """None of the shards is this process's any more."""
        self.open = {}
        for number in list(self._faults):
            self._forget_fault(number)
        self._trial_ends = {}
        self._show()

    def _later(self) -> float:
        return time.monotonic() + self._times.session.total_seconds()

    def _forget_fault(self, number: int) -> None:
        fault = self._faults.pop(number, None)
        if fault is not None:
            self._metrics.shards_closed.remove(str(number), fault.code)
            self._degraded.ready(f"shard {number}")

    def _show(self) -> None:
        self._metrics.shards_open.set(len(self.open))
        if self._faults and not self.open:
            why = next(iter(self._faults.values()))
            self._status.not_ready(_PART, f"all its shards are closed; shard {why.shard}: {why}")
        else:
            self._status.ready(_PART)
