"""Reads past, present and scheduled activations from the `policy` topic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from baton import activation, kafka, topics
from baton.events import BundlePublished, PolicyActivated
from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError
from baton.policy_sections import policy_sections
from baton.settings import KafkaSettings
from baton_cli.failures import Failure

SHOWN = 12
"""So many digits of a hash name a bundle."""


@dataclass(frozen=True, slots=True)
class Past:
    """The activations in order of effect, and the bundles by hash, as they are at `now`."""

    activations: Sequence[PolicyActivated]
    bundles: Mapping[str, BundlePublished]
    now: datetime

    @property
    def in_force(self) -> PolicyActivated | None:
        """The last that has taken effect."""
        return self._effective[-1] if self._effective else None

    @property
    def to_come(self) -> Sequence[PolicyActivated]:
        """The activations that have not taken effect yet."""
        return self.activations[len(self._effective) :]

    @property
    def _effective(self) -> Sequence[PolicyActivated]:
        return [
            activation for activation in self.activations if activation.effective_at <= self.now
        ]

    def before(self) -> Bundle:
        """The bundle that was in force before the one that is. Raises Failure."""
        current = self.in_force
        earlier = [
            activation
            for activation in self._effective
            if current and activation.hash != current.hash
        ]
        if not earlier:
            raise Failure(
                "no other bundle was in force before this one",
                "`baton policy history` lists what was activated.",
            )
        return self._bundle(earlier[-1].hash)

    def named(self, prefix: str) -> Bundle:
        """The bundle whose hash begins so. Raises Failure."""
        found = [hash_ for hash_ in self.bundles if hash_.startswith(prefix.lower())]
        if len(found) == 1:
            return self._bundle(found[0])
        reason = (
            f"several bundles begin with {prefix}: {', '.join(long[:SHOWN] for long in found)}"
            if found
            else f"no bundle that was ever activated begins with {prefix}"
        )
        raise Failure(reason, "`baton policy history` lists them.")

    def _bundle(self, hash_: str) -> Bundle:
        try:
            return Bundle.parse_whole(self.bundles[hash_].files, policy_sections())
        except BundleError as error:
            raise Failure(
                f"this release can't read the bundle {hash_[:SHOWN]} any more:\n{error}",
                "Mend its files and activate them with `baton policy activate DIR`.",
            ) from error


async def past(settings: KafkaSettings) -> Past:
    """Reads the topic. Raises Failure where there is none."""
    await need_topic(settings)
    activations, bundles = await activation.history(settings)
    return Past(activations, bundles, datetime.now(UTC))


async def need_topic(settings: KafkaSettings) -> None:
    """Raises Failure where Kafka has no `policy` topic: a producer would wait for it in vain."""
    counts = await kafka.partition_counts(settings, [topics.POLICY])
    name = kafka.topic_name(settings, topics.POLICY)
    if counts[name] is None:
        raise Failure(f"Kafka has no topic {name}", "Make the topics first: `baton topics apply`.")
