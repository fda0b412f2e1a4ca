"""The picture of the README: `baton explain` of a lead whose first rep answers too late.

`python -m baton_cli_tests.picture` writes it; a test compares it with the present output.
"""

import io
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console

from baton_cli.explain.drawing import drawn
from baton_cli.explain.joining import Known, story
from baton_cli.explain.views import CLOCKS, ROUTED, SCORED

ANSWERS = Path(__file__).parent / "story"
PICTURE = Path(__file__).parents[2] / "docs/explain.svg"
LEAD = UUID("719725ea-f335-89f2-95ce-225a38ab5b09")
NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
COLUMNS = 92
HAPPENINGS = 12
"""The picture ends when the second rep has answered; the story goes on, so "now" is left out."""

FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
    font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's frame without its fonts, which a browser would fetch from the internet."""


def picture() -> str:
    """The SVG. Times are shown in the process's time zone."""
    known = Known(
        SCORED.validate_json((ANSWERS / "scoring.json").read_text()),
        ROUTED.validate_json((ANSWERS / "routing.json").read_text()),
        CLOCKS.validate_json((ANSWERS / "sla-monitor.json").read_text()),
        missing=(),
    )
    told = story(LEAD, known, NOW, everything=False)
    shown = told.model_copy(update={"happened": told.happened[:HAPPENINGS], "now": ()})
    console = Console(
        file=io.StringIO(), record=True, width=COLUMNS, highlight=False, markup=False, emoji=False
    )
    console.print(drawn(shown))
    title = f"baton explain {LEAD}"
    return console.export_svg(title=title, code_format=FRAME, unique_id="explain")


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
