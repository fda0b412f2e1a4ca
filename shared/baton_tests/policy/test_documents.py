"""YAML is read as people mean it, with lines, and within bounds."""

import time

import pytest

from baton.policy.document import MAX_NODES, Data, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('""', ""),
        ("'true'", "true"),
        ('"12"', "12"),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("2.50", 2.5),
        ("-0.5", -0.5),
        ("01069", "01069"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("9:30", "9:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00Z"),
        ("<<", "<<"),
        ("=", "="),
        ("\u0661\u0662", "\u0661\u0662"),  # digits, but not ASCII's
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("{a: 1, b: [x, 2]}", {"a": 1, "b": ["x", 2]}),
        ("&n 5", 5),
    ],
)
def test_values_are_what_they_look_like(text: str, value: Data) -> None:
    document, problems = parse("any.yaml", f"key: {text}")
    assert problems == ()
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1, 2", "any.yaml:1: not YAML: did not find expected ',' or ']'"),
        ("a: 1\nb: c: d", "any.yaml:2: not YAML: mapping values are not allowed in this context"),
        ("a: 1\n\tb: 2", "any.yaml:2: not YAML: found a tab character that violates indentation"),
        ("a: 1\na: 2", "any.yaml:2: a: the key stands twice, first in line 1"),
        (
            "x:\n  - a: 1\n    b: 2\n    a: 3",
            "any.yaml:4: x[0].a: the key stands twice, first in line 2",
        ),
        ("a:\n  1: x", "any.yaml:2: a: a key must be text; put it in quotes"),
        ("a:\n  true: x", "any.yaml:2: a: a key must be text; put it in quotes"),
        ("? [a]\n: x", "any.yaml:1: a key must be text; put it in quotes"),
        ("a: 1\n---\nb: 2", "any.yaml:2: a file must hold one YAML document"),
        ("a: b\nc: *none", "any.yaml:2: no anchor '&none' before this alias"),
        ("a: &self [*self]", "any.yaml:1: no anchor '&self' before this alias"),
        (
            "a: !!python/object:os.system x",
            "any.yaml:1: tags such as 'tag:yaml.org,2002:python/object:os.system' have no meaning"
            " here",
        ),
        ("a: !mine {b: 1}", "any.yaml:1: tags such as '!mine' have no meaning here"),
        ("\na: \0", "any.yaml:2: a character that text can't have (NUL or half a pair)"),
        ("a: \ud800", "any.yaml:1: a character that text can't have (NUL or half a pair)"),
        ("a: 1\nb: \x07", "any.yaml:2: not YAML: control characters are not allowed"),
        (
            'a: "\\ud800"',
            "any.yaml:1: not YAML: found invalid Unicode character escape code",
        ),
        ('a: "\\0"', "any.yaml:1: a character that text can't have (NUL or half a pair)"),
        (
            "a: 1234567890123456789",
            "any.yaml:1: a number of more than 18 digits; quote it if text",
        ),
        ("a: " + "[" * 50, "any.yaml:1: nested more than 40 deep"),
    ],
)
def test_what_is_no_document_is_told_with_its_line(text: str, problem: str) -> None:
    _, problems = parse("any.yaml", text)
    assert [str(element) for element in problems] == [problem]


def test_each_key_and_item_has_its_line() -> None:
    document, _ = parse("any.yaml", "a:\n  - b: 1\n    c:\n      - x\n      - y\n  - z\n")
    assert document.lines["a", 0, "c", 1] == 5
    assert document.lines["a", 1] == 6
    assert document.problem(("a", 0, "c", 1, "missing"), "why").line == 5


def test_aliases_stand_for_what_they_name() -> None:
    document, problems = parse("any.yaml", "a: &hours [x, y]\nb: *hours\n")
    assert problems == ()
    assert document.data == {"a": ["x", "y"], "b": ["x", "y"]}


def test_aliases_that_unfold_without_end_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    began = time.perf_counter()
    _, problems = parse("any.yaml", "\n".join(lines))
    assert time.perf_counter() - began < 5
    assert str(MAX_NODES) in str(problems[0])
