"""How a command is added: its docstring is its help, and its help ends with examples."""

import inspect
from collections.abc import Callable

import typer


def add(
    app: typer.Typer,
    command: Callable[..., None],
    name: str,
    *examples: str,
    panel: str | None = None,
) -> None:
    """`panel` is the heading under which the list of commands has it."""
    app.command(
        name,
        help=_reflowed(inspect.getdoc(command) or ""),
        epilog=examples_text(*examples),
        rich_help_panel=panel,
    )(command)


def examples_text(*examples: str) -> str:
    """Each on a line of its own."""
    return "\n".join(["Examples:", *(f"$ {example}" for example in examples)])


def _reflowed(text: str) -> str:
    """Paragraphs without line breaks: typer would keep those of all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
