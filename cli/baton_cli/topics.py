"""`baton topics`: Kafka's topics as Baton declares them."""

import typer

from baton import kafka, topics
from baton.manifest import writers
from baton.settings import KafkaSettings
from baton.topics import Topic
from baton_cli.commands import add
from baton_cli.kafka import with_kafka
from baton_cli.screen import output, table

_DAY_SECONDS = 86_400


def apply() -> None:
    """Make the topics that are missing, and set the retention of those that exist.

    Changes nothing else, and is safe to run again.
    """
    done = with_kafka(kafka.apply_topics)
    shown = table("topic", "", unbroken=["topic"])
    for name, change in done.items():
        shown.add_row(name, change)
    output().print(shown)


def list_() -> None:
    """List Baton's topics: partitions in Kafka, key, retention, and who writes them.

    The exit code is 1 if one is missing.
    """
    found = with_kafka(_found)
    shown = table("topic", "partitions", "key", "kept", "written by", unbroken=["topic", "kept"])
    for topic, (name, partitions) in zip(topics.ALL, found, strict=True):
        count = "missing" if partitions is None else str(partitions)
        shown.add_row(name, count, topic.key, _retention(topic), writers(topic))
    output().print(shown)
    if any(partitions is None for _, partitions in found):
        raise typer.Exit(1)


async def _found(settings: KafkaSettings) -> list[tuple[str, int | None]]:
    counts = await kafka.partition_counts(settings, topics.ALL)
    names = [kafka.topic_name(settings, topic) for topic in topics.ALL]
    return [(name, counts[name]) for name in names]


def _retention(topic: Topic) -> str:
    if topic.retention is None:
        return "for good"
    return f"{int(topic.retention.total_seconds()) // _DAY_SECONDS} days"


app = typer.Typer(
    no_args_is_help=True,
    help="Kafka's topics: create and list them.\n\n"
    "BATON_TOPIC_PREFIX stands before each name; BATON_PARTITIONS, the number of shards, is fixed "
    "with the first `apply`.",
)
add(app, apply, "apply", "baton topics apply")
add(app, list_, "list", "baton topics list")
