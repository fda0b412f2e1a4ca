"""Apache Kafka as a directory of jars: those the pinned list names."""

from dataclasses import dataclass
from pathlib import Path

from baton_local.errors import StackError
from baton_local.paths import KAFKA_JARS

PINNED = Path(__file__).with_name("kafka-4.2.0.jars")


@dataclass(frozen=True, slots=True)
class Jar:
    """A line of the list: `group:artifact:version sha256:digest`."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @staticmethod
    def parse(line: str) -> "Jar":
        coordinate, digest = line.split()
        group, artifact, version = coordinate.split(":")
        return Jar(group, artifact, version, digest.removeprefix("sha256:"))


def pinned_jars(listing: Path = PINNED) -> list[Jar]:
    return [Jar.parse(line) for line in listing.read_text().splitlines() if line.strip()]


def require_jars(directory: Path = KAFKA_JARS) -> Path:
    """The directory, if it holds all jars. Raises StackError if not; their hashes are not read."""
    missing = [jar for jar in pinned_jars() if not (directory / jar.filename).exists()]
    if missing:
        raise StackError(
            f"{len(missing)} of Kafka's jars are missing in {directory}; run `make setup`"
        )
    return directory
