"""Names that the product defines: which are used most, and which say nothing of what they name."""

import ast
import builtins
import keyword
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

EMPTY_NAMES = frozenset(
    {
        *("told", "said", "held", "kept", "given", "taken", "heard", "noted", "came", "asked"),
        *("wanted", "seen", "each", "one", "what", "who", "whom", "those", "ours"),
        *("aside", "around", "whole"),
    }
)
"""Participles, pronouns and fillers. As the whole of a name they do not say what it stands for."""

_BUILT_IN = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
_OF_VALUES = frozenset(name for kind in (str, dict, list, set) for name in dir(kind))


def defined(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each name that a module gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case _:
                pass


def empty_names(path: Path) -> list[tuple[str, int]]:
    """The names of a module that `EMPTY_NAMES` contains, each with its line."""
    tree = ast.parse(path.read_text("utf-8"))
    return [(name, line) for name, line in defined(tree) if name.strip("_").lower() in EMPTY_NAMES]


def most_used(paths: Iterable[Path], number: int) -> list[tuple[str, int]]:
    """The names that the product defines and uses most, with the number of their occurrences."""
    uses: Counter[str] = Counter()
    own: set[str] = set()
    for path in paths:
        tree = ast.parse(path.read_text("utf-8"))
        own.update(name for name, _ in defined(tree))
        uses.update(_occurrences(tree))
    own -= _BUILT_IN | _OF_VALUES | {"self", "cls"}
    return [(name, count) for name, count in uses.most_common() if name in own][:number]


def _occurrences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case _:
                pass
