"""Whatever text is given as a bundle, it is read, or refused with problems."""

import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from baton.manifest import manifests
from baton.policy.bundle import Bundle, texts_in
from baton.policy.compiling import compiled
from baton.policy.document import Data, parse
from baton.policy.fields import Facts, vocabulary
from baton.policy.problems import BundleError, BundleProblem, FaultsError
from baton.policy.values import ValueKind
from baton.policy_sections import policy_sections

FILES = tuple(section.file for section in policy_sections())
KNOWN = vocabulary({"budget": ValueKind.INTEGER, "renewal": ValueKind.DATE}, ("A", "B"))


LINE_BREAKS = "\r\n|[\r\n\x85\u2028\u2029]"  # as YAML has them


def problems_of(files: Mapping[str, str]) -> tuple[BundleProblem, ...]:
    try:
        bundle = Bundle.parse_whole(files, policy_sections())
    except BundleError as error:
        return error.problems
    assert Bundle.parse_whole(bundle.files, policy_sections()).hash == bundle.hash
    for service in manifests():
        assert service.consumer is not None
        assert Bundle.parse(files, service.consumer().reads).hash == bundle.hash
    return ()


def is_read_or_refused(files: Mapping[str, str]) -> None:
    for problem in problems_of(files):
        lines = len(re.split(LINE_BREAKS, files.get(problem.file, "")))
        assert 1 <= problem.line <= lines
        assert problem.reason


marks = st.text(
    st.sampled_from("[]{}:,-?&*!|>'\"%@`#~ \n\tab1<=.\\\0\u00e4\ufeff\u2028"), max_size=60
)


@given(st.sampled_from(FILES), st.one_of(st.text(), marks))
@example("sla.yaml", "\ud800")
@example("definitions.yaml", "---")
@example("sla.yaml", "\x85- \u2028a")
@example("sla.yaml", "%YAML 9.9\n---\na")
@example("sla.yaml", "%TAG ! !%FF\n---\n!a b")
@example("sla.yaml", "a: &a [*a]")
@example("sla.yaml", "? ? ? a")
def test_any_text_as_a_file(small: Mapping[str, str], file: str, text: str) -> None:
    is_read_or_refused({**small, file: text})


@given(st.dictionaries(st.one_of(st.sampled_from(FILES), st.text()), st.text(), max_size=10))
def test_any_files(files: dict[str, str]) -> None:
    is_read_or_refused(files)


@given(st.data())
def test_a_bundle_with_a_piece_cut_out_or_put_in(
    small: Mapping[str, str], data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(FILES))
    text = small[file]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    is_read_or_refused({**small, file: text[:start] + data.draw(marks) + text[end:]})


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(-1e6, 1e6),
    st.text(string.printable, max_size=10),
    st.sampled_from(["contact.email", "company.employees", "stage", "1h", "2026-01-31", "A"]),
)


def _keys(data: Data) -> Iterator[str]:
    if isinstance(data, dict):
        yield from data
        data = list(data.values())
    for item in data if isinstance(data, list) else ():
        yield from _keys(item)


DEFAULT = texts_in(Path(__file__).parents[2] / "deploy" / "policy")
KEYS = {key for file in FILES for key in _keys(parse(file, DEFAULT[file])[0].data)}
keys = st.sampled_from(sorted(KEYS | {"not", "less", "exists", "always", "overflow"}))
trees: st.SearchStrategy[Data] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)


@given(st.data())
def test_a_bundle_with_anything_anywhere(small: Mapping[str, str], data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(FILES))
    document, _ = parse(file, small[file])
    place = data.draw(st.sampled_from(sorted(document.lines, key=str)))
    tree = _with(document.data, place, data.draw(trees))
    is_read_or_refused({**small, file: yaml.safe_dump(tree, sort_keys=False)})


def _with(data: Data, place: tuple[str | int, ...], new: Data) -> Data:
    if not place:
        return new
    first, *rest = place
    if isinstance(data, dict) and isinstance(first, str):
        return {**data, first: _with(data[first], tuple(rest), new)}
    assert isinstance(data, list)
    assert isinstance(first, int)
    return [*data[:first], _with(data[first], tuple(rest), new), *data[first + 1 :]]


@given(trees)
def test_any_tree_as_a_condition(tree: Data) -> None:
    try:
        condition = compiled(tree, KNOWN.staged)
    except FaultsError:
        return
    assert condition.evaluate(Facts()).matched in (True, False, None)
