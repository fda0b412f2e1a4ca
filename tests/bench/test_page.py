"""`docs/performance.md` says what was measured."""

from baton_local.paths import ROOT
from tests.bench import page
from tests.bench.__main__ import AIMS
from tests.bench.figures import Run
from tests.bench.setting import FULL

TEXT = (ROOT / page.PAGE).read_text("utf-8")
KEPT = Run.model_validate_json((ROOT / page.KEPT).read_bytes())


def test_the_page_has_the_figures_of_the_file() -> None:
    assert page.filled(TEXT, KEPT, AIMS) == TEXT


def test_the_page_states_the_sizes() -> None:
    stated = (FULL.backlog, FULL.mixed, FULL.few, FULL.timers, FULL.shards)
    assert [size for size in stated if f"{size:,}" not in TEXT] == []
