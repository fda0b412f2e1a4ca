"""A name says what it stands for."""

import ast

from tests.language.names import defined, empty_names
from tests.language.sources import ROOT, product_files

DECISIONS = [
    ROOT / f"services/{name}/domain"
    for name in ("routing/routing", "scoring/scoring", "sla-monitor/sla_monitor")
]
"""The states of leads are stored with the names of their fields, and decisions use them."""

PUBLISHED = {
    ("services/ingest/ingest/policy/mapped.py", "who"),  # a key of sources.yaml
    ("shared/baton/events.py", "TAKEN"),  # a code of lead.routed
}


def test_no_name_of_the_product_is_a_bare_participle_or_pronoun() -> None:
    files = [
        path
        for path in product_files()
        if not any(path.is_relative_to(folder) for folder in DECISIONS)
    ]
    assert len(files) > 200
    found = {
        (str(path.relative_to(ROOT)), name): line
        for path in files
        for name, line in empty_names(path)
    }
    assert {place: line for place, line in found.items() if place not in PUBLISHED} == {}


def test_names_of_each_kind_are_seen() -> None:
    code = "class A:\n    def b(self, c): d = self.e = 1\nfor f in []: pass"
    assert {name for name, _ in defined(ast.parse(code))} == {"A", "b", "self", "c", "d", "e", "f"}
