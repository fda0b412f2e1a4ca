"""The files whose language is measured: the code of the product and the pages for its readers."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def product_files() -> list[Path]:
    """The modules of the library, the services, the CLI and the local stack, without tests."""
    folders = ("shared", "services", "cli", "deploy/local")
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
        and not any(part.endswith("_tests") for part in path.parts)
    ]


def pages() -> list[Path]:
    """The documentation: the pages of the root and of `docs`, without generated examples."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
