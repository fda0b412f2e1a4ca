"""What runs as Kafka is exactly what the pinned list names."""

import hashlib
from pathlib import Path

import pytest
from jgo.maven import MavenContext

from baton_local.errors import StackError
from baton_local.fetching import fetch_jars
from baton_local.kafka_jars import Jar, pinned_jars, require_jars

CONTENT = b"what the list pins"
JAR = Jar("org.example", "kafka-example", "4.2.0", hashlib.sha256(CONTENT).hexdigest())


def maven(where: Path, content: bytes) -> MavenContext:
    """A repository that holds the jar, and can't reach any other."""
    file = where / "org" / "example" / "kafka-example" / "4.2.0" / JAR.filename
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return MavenContext(repo_cache=where, offline=True)


def test_every_jar_of_the_list_is_pinned_by_a_sha256() -> None:
    jars = pinned_jars()
    assert len(jars) == len({jar.filename for jar in jars}) == 46
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)


def test_a_jar_with_the_pinned_hash_is_taken(tmp_path: Path) -> None:
    fetch_jars(tmp_path / "jars", [JAR], maven(tmp_path / "maven", CONTENT))
    assert (tmp_path / "jars" / JAR.filename).read_bytes() == CONTENT


def test_a_jar_with_another_hash_is_refused_by_name_and_not_kept(tmp_path: Path) -> None:
    changed = maven(tmp_path / "maven", CONTENT + b", and more")
    with pytest.raises(StackError, match=JAR.filename) as refused:
        fetch_jars(tmp_path / "jars", [JAR], changed)
    assert JAR.sha256 in str(refused.value)
    assert not list((tmp_path / "jars").glob("*.jar"))


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    fetch_jars(tmp_path / "jars", [JAR], maven(tmp_path / "maven", CONTENT))
    fetch_jars(tmp_path / "jars", [JAR], MavenContext(repo_cache=tmp_path / "none", offline=True))


def test_a_jar_that_was_changed_since_is_fetched_again(tmp_path: Path) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / JAR.filename).write_bytes(b"cut off")
    fetch_jars(jars, [JAR], maven(tmp_path / "maven", CONTENT))
    assert (jars / JAR.filename).read_bytes() == CONTENT


def test_a_jar_that_the_list_does_not_name_does_not_stay_on_the_class_path(tmp_path: Path) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "kafka-example-4.1.0.jar").write_bytes(CONTENT)
    fetch_jars(jars, [JAR], maven(tmp_path / "maven", CONTENT))
    assert [file.name for file in jars.glob("*.jar")] == [JAR.filename]


def test_a_jar_that_cannot_be_had_says_what_to_do(tmp_path: Path) -> None:
    nowhere = MavenContext(repo_cache=tmp_path / "none", offline=True)
    with pytest.raises(StackError, match="run `make setup` again"):
        fetch_jars(tmp_path / "jars", [JAR], nowhere)


def test_a_missing_jar_is_noticed_before_kafka_is_started(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="46 of Kafka's jars are missing"):
        require_jars(tmp_path)
