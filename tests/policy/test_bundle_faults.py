"""What is wrong in a file, or between files, is said with its file, line, place and reason.

`faults.txt` has the table: under each file's name, a change to it and the problem that follows.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from baton.policy.problems import BundleProblem

Problems = Callable[[Mapping[str, str]], tuple[BundleProblem, ...]]
Changed = Callable[[str, str, str], Mapping[str, str]]


def table() -> Iterator[tuple[str, str, str, list[str]]]:
    file = ""
    text = Path(__file__).with_name("faults.txt").read_text("utf-8")
    for entry in text.strip().split("\n\n"):
        if entry.startswith("# "):
            file = entry.removeprefix("# ")
            continue
        change, *expected = entry.split("\n")
        old, new = change.replace("\\n", "\n").split("  =>  ")
        yield file, old, new.removesuffix("(nothing)"), [f"{file}:{p.strip()}" for p in expected]


@pytest.mark.parametrize(("file", "old", "new", "expected"), list(table()))
def test_a_fault_is_told_with_its_line_and_place(
    problems: Problems, changed: Changed, file: str, old: str, new: str, expected: list[str]
) -> None:
    assert [str(problem) for problem in problems(changed(file, old, new))] == expected


def test_a_better_grade_needs_more_points(problems: Problems, changed: Changed) -> None:
    files = dict(changed("scoring.yaml", "{A: 20}", "{A: 20, C: 20}"))
    files["definitions.yaml"] = files["definitions.yaml"].replace(
        "grades:\n", "grades:\n  - {id: C, label: Better still}\n"
    )
    (problem,) = problems(files)
    assert (problem.line, problem.path) == (15, "grades.at_least.C")
    assert problem.reason == "'C' is better than 'A' and must need more than its 20 points"


@pytest.mark.parametrize("answer", ["{to: contact.email}", "{to: contact.email, ref: a, title: b}"])
def test_a_typeform_answer_is_named_once(problems: Problems, changed: Changed, answer: str) -> None:
    typeform = (
        f"    kind: typeform\n    secret_env: [TYPEFORM_SECRET]\n    answers:\n      - {answer}\n"
    )
    (problem,) = problems(changed("sources.yaml", "    kind: api\n", typeform))
    assert (problem.line, problem.path) == (7, "sources.website.answers[0]")
    assert problem.reason == "needs exactly one of ref, title, hidden, type"


def test_problems_of_all_files_are_told_at_once_in_their_order(
    problems: Problems, small: Mapping[str, str]
) -> None:
    files = {
        **small,
        "teams.yaml": small["teams.yaml"].replace("office", "ofice"),
        "scoring.yaml": small["scoring.yaml"].replace("points: 10", "points: ten"),
        "sla.yaml": "policies: [",
        "routing.yaml": small["routing.yaml"].replace("pool: all", "pool: al"),
    }
    assert [(problem.file, problem.line) for problem in problems(files)] == [
        ("scoring.yaml", 5),
        ("scoring.yaml", 10),
        ("routing.yaml", 5),
        ("sla.yaml", 1),
        ("teams.yaml", 2),
    ]
