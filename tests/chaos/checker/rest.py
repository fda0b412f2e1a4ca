"""At the end nothing waits, and every process is well."""

from collections.abc import Iterator

from tests.chaos.checker.evidence import Evidence, Violation


def check(evidence: Evidence) -> Iterator[Violation]:
    """By each process's health and metrics."""
    for process, scrape in evidence.scrapes.items():
        for reason in scrape.unrest:
            yield Violation("not at rest at the end", f"{process}: {reason}")
