"""`docs/topics.svg`: who writes and who reads which topic, drawn from what the services declare."""

from collections.abc import Iterator, Sequence
from html import escape

from baton import topics
from baton.manifest import ServiceManifest
from baton.topics import Topic

_WIDTH, _TOP, _LANE = 1180, 176, 42
_FIRST, _BETWEEN, _BOX = 490, 150, 130
_LABEL = 410
# Where a service's two lines run, from the middle of its box.
_READS, _WRITES = -22, 22

_STYLE = """\
  <style>
    text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
    text { fill: #1f2328; text-anchor: middle }
    .topic { font: 600 13px ui-monospace, SFMono-Regular, "DejaVu Sans Mono", monospace }
    .topic, .says { text-anchor: start }
    .says, .small { font-size: 12px; fill: #59636e }
    .name { font-weight: 600; font-size: 16px }
    .page { fill: #ffffff }
    .lane { stroke: #d4a72c; stroke-width: 3 }
    .service { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
    .database { fill: #dafbe1; stroke: #1a7f37; stroke-width: 1.5 }
    .outside { fill: #f6f8fa; stroke: #818b98; stroke-width: 1.5 }
    .reads { fill: #ffffff; stroke: #0969da; stroke-width: 2 }
    .writes { fill: #0969da; stroke: #0969da; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .says, .small { fill: #9198a1 }
      .page { fill: #0d1117 }
      .lane { stroke: #9e6a03 }
      .service { fill: #0c2d6b; stroke: #4493f8 }
      .database { fill: #033a16; stroke: #3fb950 }
      .outside { fill: #151b23; stroke: #656c76 }
      .reads { fill: #0d1117; stroke: #4493f8 }
      .writes { fill: #4493f8; stroke: #4493f8 }
    }
  </style>
  <defs>
    <marker id="to" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6"
        orient="auto"><path class="writes" d="M 0 1 L 10 5 L 0 9 z"/></marker>
  </defs>"""


def draw(services: Sequence[ServiceManifest]) -> str:
    """The picture as SVG; readable on a light and on a dark page.

    Services that read no topic are not in it.
    """
    readers = [service for service in services if service.consumes]
    height = _TOP + _LANE * len(topics.ALL) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "  <title>Who writes and who reads which topic</title>",
        _STYLE,
        f'  <rect class="page" width="{_WIDTH}" height="{height}" rx="8"/>',
        *_senders(),
        *(line for number, topic in enumerate(topics.ALL) for line in _lane(number, topic)),
        *(line for number, reader in enumerate(readers) for line in _service(number, reader)),
        *_readers(len(readers)),
        *_key(height - 22),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _senders() -> Iterator[str]:
    yield _box("outside", 190, 40, 150, 64)
    yield _text("", 265, 66, "forms, ads, CRM")
    yield _text("small", 265, 86, "HTTP")
    yield _arrow(340, 72, _FIRST - _BOX // 2 - 2, 72)


def _lane(number: int, topic: Topic) -> Iterator[str]:
    y = _TOP + number * _LANE
    yield f'  <path class="lane" d="M {_LABEL} {y} H {_WIDTH - 20}"/>'
    yield _text("topic", 20, y - 2, topic.name)
    yield _text("says", 20, y + 14, topic.says)


def _service(number: int, service: ServiceManifest) -> Iterator[str]:
    middle = _FIRST + number * _BETWEEN
    yield _box("service", middle - _BOX // 2, 40, _BOX, 64)
    yield _text("name", middle, 66, service.name)
    yield _box("database", middle - _BOX // 2 + 12, 82, _BOX - 24, 34)
    yield _text("small", middle, 103, "PostgreSQL")
    reads = [place for place, topic in enumerate(topics.ALL) if topic in _read_by(service)]
    writes = [place for place, topic in enumerate(topics.ALL) if _writes(service, topic)]
    yield _arrow(middle + _READS, _y(max(reads)), middle + _READS, 118)
    yield _line(middle + _WRITES, 118, middle + _WRITES, _y(max(writes)))
    yield from (_dot("reads", middle + _READS, place) for place in reads)
    yield from (_dot("writes", middle + _WRITES, place) for place in writes)


def _readers(columns: int) -> Iterator[str]:
    middle = _FIRST + columns * _BETWEEN - 10
    yield _box("outside", middle - _BOX // 2, 40, _BOX, 64)
    yield _text("", middle, 66, "your programs")
    yield _text("small", middle, 86, "any topic")
    yield _arrow(middle, _y(len(topics.ALL) - 1), middle, 106)
    yield from (_dot("reads", middle, place) for place in range(len(topics.ALL)))


def _key(y: int) -> Iterator[str]:
    for x, kind in ((_FIRST - 30, "writes"), (_FIRST + 60, "reads")):
        yield f'  <circle class="{kind}" cx="{x}" cy="{y - 4}" r="5"/>'
        yield _text("says", x + 12, y, kind)


def _read_by(service: ServiceManifest) -> Sequence[Topic]:
    read = () if service.consumer is None else service.consumer().subscription.topics
    return (*read, topics.POLICY)


def _writes(service: ServiceManifest, topic: Topic) -> bool:
    return topic in service.writes or topic.writer == topics.EVERY_SERVICE


def _y(place: int) -> int:
    return _TOP + place * _LANE


def _box(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'  <rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'  <text class="{kind}" x="{x}" y="{y}">{escape(text, quote=False)}</text>'


def _line(x: int, y: int, to_x: int, to_y: int, end: str = "") -> str:
    return f'  <path class="reads" d="M {x} {y} L {to_x} {to_y}"{end}/>'


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    return _line(x, y, to_x, to_y, ' marker-end="url(#to)"')


def _dot(kind: str, x: int, place: int) -> str:
    return f'  <circle class="{kind}" cx="{x}" cy="{_y(place)}" r="6"/>'
