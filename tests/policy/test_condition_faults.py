"""What is wrong in a condition is said with its file, its line, its place and a way out."""

from collections.abc import Callable, Mapping

import pytest

from baton.policy.problems import BundleProblem

Problems = Callable[[Mapping[str, str]], tuple[BundleProblem, ...]]
Changed = Callable[[str, str, str], Mapping[str, str]]

WHEN = "when: {field: contact.country, in: [DE, NO]}"


@pytest.mark.parametrize(
    ("when", "path", "reason"),
    [
        (
            "{field: contact.contry, equals: DE}",
            "field",
            "unknown field 'contact.contry'; did you mean 'contact.country'?",
        ),
        (
            "{field: custom.bugdet, at_least: 1}",
            "field",
            "unknown field 'custom.bugdet'; did you mean 'custom.budget'?",
        ),
        ("{field: zzz, equals: 1}", "field", "unknown field 'zzz'"),
        ("{field: score.total, at_least: 1}", "field", "unknown field 'score.total'"),
        ("{field: activity.type, equals: other}", "field", "unknown field 'activity.type'"),
        ("{field: 5, equals: 1}", "field", "must be the name of a field"),
        (
            "{field: company.employees, equals: many}",
            "equals",
            "'company.employees' must be a whole number, not the text 'many'",
        ),
        (
            '{field: company.employees, equals: "50"}',
            "equals",
            "'company.employees' must be a whole number, not the text '50'",
        ),
        (
            "{field: company.employees, equals: 1.5}",
            "equals",
            "'company.employees' must be a whole number, not the number 1.5",
        ),
        (
            "{field: contact.country, equals: 49}",
            "equals",
            "'contact.country' must be text, not the number 49; put it in quotes",
        ),
        (
            "{field: contact.country, equals: true}",
            "equals",
            "'contact.country' must be text, not true; put it in quotes",
        ),
        (
            "{field: contact.country, less: DE}",
            "less",
            "'contact.country' is text and has no order",
        ),
        (
            "{field: company.employees, matches: '5'}",
            "matches",
            "'company.employees' is a whole number; 'matches' is for text",
        ),
        (
            "{field: contact.email, matches: '('}",
            "matches",
            "not a regular expression that RE2 reads: missing ): (",
        ),
        (
            "{field: contact.email, matches: '(?=a)'}",
            "matches",
            "not a regular expression that RE2 reads: invalid perl operator: (?=",
        ),
        ("{field: contact.email, matches: 5}", "matches", "must be text"),
        ("{field: contact.email, contains: ' '}", "contains", "must be text"),
        (
            "{field: contact.email, equals: null}",
            "equals",
            "nothing to compare with; to ask whether it is missing, use exists: false",
        ),
        ("{field: contact.email, exists: maybe}", "exists", "must be true or false"),
        ("{field: contact.country, in: DE}", "in", "must be a list of at least one value"),
        ("{field: contact.country, in: []}", "in", "must be a list of at least one value"),
        (
            "{field: contact.country, in: [DE, true]}",
            "in[1]",
            "'contact.country' must be text, not true; put it in quotes",
        ),
        (
            "{field: consent.status, equals: grante}",
            "equals",
            "'consent.status' is never 'grante'; did you mean 'granted'?",
        ),
        (
            "{field: consent.status, equals: z}",
            "equals",
            "'consent.status' is never 'z': it is one of granted, denied, unknown",
        ),
        (
            "{field: custom.renewal, less: 30.6.2026}",
            "less",
            "'custom.renewal' must be a date such as 2026-01-31, not the text '30.6.2026'",
        ),
        (
            "{field: custom.renewal, less: 2026-02-30}",
            "less",
            "'custom.renewal' must be a date such as 2026-01-31, not the text '2026-02-30'",
        ),
        (
            "{field: consent.at, less: 2026-01-01T00:00:00}",
            "less",
            (
                "'consent.at' must be a time with its offset, such as 2026-01-31T09:00:00Z, "
                "not the text '2026-01-01T00:00:00'"
            ),
        ),
        (
            "{field: contact.country, equal: DE}",
            "equal",
            "unknown comparison 'equal'; did you mean 'equals'?",
        ),
        (
            "{field: contact.country}",
            "",
            (
                "needs a comparison: one of equals, not_equals, less, at_most, more, at_least, in, "
                "contains, matches, exists"
            ),
        ),
        ("{al: []}", "al", "unknown key 'al'; did you mean 'all'?"),
        ("{all: []}", "all", "must be a list of at least one condition"),
        ("{any: {field: brand, equals: x}}", "any", "must be a list of at least one condition"),
        (
            "{all: [{field: brand, exists: true}], any: [{field: brand, exists: true}]}",
            "",
            "must be one of all, any, not or field; here is all, any",
        ),
        ("{}", "", "must be one of all, any, not or field; here is nothing"),
        ("yes", "", "must be a condition: all, any, not, or field and comparison"),
        (
            "[{field: brand, exists: true}]",
            "",
            "must be a condition: all, any, not, or field and comparison",
        ),
        (
            "{not: {any: [{field: brand, exists: true}, {field: brnd, exists: true}]}}",
            "not.any[1].field",
            "unknown field 'brnd'; did you mean 'brand'?",
        ),
    ],
)
def test_a_fault_in_a_condition_has_its_line(
    problems: Problems, changed: Changed, when: str, path: str, reason: str
) -> None:
    (problem,) = problems(changed("scoring.yaml", WHEN, f"when: {when}"))
    place = ".".join(part for part in ("fit[0].when", path) if part)
    assert str(problem) == f"scoring.yaml:4: {place}: {reason}"


def test_all_faults_are_told_each_with_its_own_line(problems: Problems, changed: Changed) -> None:
    when = """when:
      any:
        - {field: contact.contry, equals: DE}
        - field: company.employees
          at_least: many
          exists: 1
        - not: {field: contact.email, matches: "["}"""
    found = problems(changed("scoring.yaml", WHEN, when))
    assert [(p.line, p.path) for p in found] == [
        (6, "fit[0].when.any[0].field"),
        (8, "fit[0].when.any[1].at_least"),
        (9, "fit[0].when.any[1].exists"),
        (10, "fit[0].when.any[2].not.matches"),
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "scoring.yaml",
            "{field: activity.type, equals: webinar_attended}",
            "{field: contact.email, exists: true}",
            "scoring.yaml:9: engagement[0].when.field: unknown field 'contact.email'",
        ),
        (
            "scoring.yaml",
            "webinar_attended",
            "webinar_atended",
            (
                "scoring.yaml:9: engagement[0].when.equals: 'activity.type' is never "
                "'webinar_atended'; did you mean 'webinar_attended'?"
            ),
        ),
        (
            "definitions.yaml",
            "score.total",
            "stage",
            "definitions.yaml:16: stages.mql.when.field: unknown field 'stage'",
        ),
        (
            "definitions.yaml",
            "{field: score.total, at_least: 20}",
            "{field: score.grade, equals: E}",
            (
                "definitions.yaml:16: stages.mql.when.equals: 'score.grade' is never 'E': "
                "it is one of A, B"
            ),
        ),
        (
            "routing.yaml",
            "    pool: all\n",
            "    pool: all\n    when: {field: stage, equals: mqll}\n",
            "routing.yaml:6: rules[0].when.equals: 'stage' is never 'mqll'; did you mean 'mql'?",
        ),
    ],
)
def test_each_kind_of_condition_has_its_fields(
    problems: Problems, changed: Changed, file: str, old: str, new: str, problem: str
) -> None:
    assert [str(each) for each in problems(changed(file, old, new))] == [problem]


def test_custom_fields_are_not_in_doubt_where_their_declaration_is_at_fault(
    problems: Problems, changed: Changed
) -> None:
    files = dict(changed("scoring.yaml", WHEN, "when: {field: custom.anything, equals: 1}"))
    files["definitions.yaml"] = files["definitions.yaml"].replace("type: integer", "type: int")
    assert [str(problem) for problem in problems(files)] == [
        (
            "definitions.yaml:2: custom_fields[0].type: must be one of text, integer, number, "
            "boolean, date, time, not 'int'; did you mean 'integer'?"
        )
    ]
