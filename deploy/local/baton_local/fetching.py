"""Brings Kafka's jars here and holds them to their hashes: a step of `make setup`."""

import hashlib
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.maven import MavenContext

from baton_local.errors import StackError
from baton_local.kafka_jars import PINNED, Jar, pinned_jars
from baton_local.paths import KAFKA_JARS


def fetch_jars(directory: Path, jars: Iterable[Jar], source: MavenContext | None = None) -> None:
    """Make the directory contain exactly these jars. Existing ones are only verified. Raises
    StackError for a jar that cannot be downloaded or has another hash than the pinned one; such a
    file never gets its final name.
    """
    left = list(jars)
    directory.mkdir(parents=True, exist_ok=True)
    for stray in set(directory.glob("*.jar")) - {directory / jar.filename for jar in left}:
        stray.unlink()
    missing = [jar for jar in left if not _verified(directory / jar.filename, jar)]
    with (
        tempfile.TemporaryDirectory(dir=directory) as scratch,
        ThreadPoolExecutor(max_workers=4) as workers,
    ):
        context = source or MavenContext(repo_cache=Path(scratch), timeout=60)
        fetched = workers.map(lambda jar: _fetch(jar, directory, context), missing)
        for number, jar in enumerate(fetched, start=1):
            _progress(f"  {number:2}/{len(missing)} {jar.filename}")


def _fetch(jar: Jar, directory: Path, context: MavenContext) -> Jar:
    # Versions are exact on purpose: jgo's own resolution of Kafka's dependencies picks wrong ones.
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        file = component.artifact().resolve()
    except (requests.RequestException, RuntimeError) as error:
        raise StackError(
            f"{jar.filename} could not be fetched from Maven Central: {error}\n"
            "Check the network, then run `make setup` again; it goes on where it stopped."
        ) from error
    digest = _sha256(file)
    if digest != jar.sha256:
        raise StackError(
            f"{jar.filename} is not the file that {PINNED.name} pins, so it was thrown away:\n"
            f"  pinned sha256 {jar.sha256}\n  fetched sha256 {digest}\n"
            "Run `make setup` again; if it stays so, do not trust where it came from."
        )
    shutil.move(file, directory / jar.filename)
    return jar


def _verified(file: Path, jar: Jar) -> bool:
    """A file with a wrong hash is no reason to stop here, it is fetched again."""
    return file.exists() and _sha256(file) == jar.sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    logging.getLogger("jgo").setLevel(logging.ERROR)
    try:
        fetch_jars(KAFKA_JARS, pinned_jars())
    except StackError as error:
        sys.exit(f"setup: {error}")


if __name__ == "__main__":
    main()
