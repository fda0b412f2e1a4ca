"""A name says what it stands for."""

import ast

from tests.language.names import defined


def test_names_of_each_kind_are_seen() -> None:
    code = "class A:\n    def b(self, c): d = self.e = 1\nfor f in []: pass"
    assert {name for name, _ in defined(ast.parse(code))} == {"A", "b", "self", "c", "d", "e", "f"}
