"""W3C trace context, carried from HTTP through every topic; exporting it is optional."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Tracing:
    """Makes spans for one service. Without an endpoint they only carry the context on."""

    def __init__(self, service: str, otlp_endpoint: str | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self.exports = otlp_endpoint is not None
        if otlp_endpoint is not None:
            exporter = OTLPSpanExporter(endpoint=otlp_endpoint)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("baton")

    @contextmanager
    def request(self, name: str, traceparent: str | None) -> Iterator[Span]:
        """A span of an HTTP request, which continues the caller's trace if there is one."""
        context = _PROPAGATOR.extract({} if traceparent is None else {"traceparent": traceparent})
        if not self.exports:
            with trace.use_span(self._unrecorded(context)) as span:
                yield span
            return
        kind = SpanKind.SERVER
        with self._tracer.start_as_current_span(name, context=context, kind=kind) as span:
            yield span

    def _unrecorded(self, context: Context) -> Span:
        """Continues a trace or begins one, without a span to export, at a fifth of the cost."""
        parent = trace.get_current_span(context).get_span_context()
        ids = self._provider.id_generator
        return NonRecordingSpan(
            SpanContext(
                trace_id=parent.trace_id if parent.is_valid else ids.generate_trace_id(),
                span_id=ids.generate_span_id(),
                is_remote=False,
                trace_flags=parent.trace_flags if parent.is_valid else _SAMPLED,
                trace_state=parent.trace_state,
            )
        )

    @contextmanager
    def decision(self, name: str, traceparent: str | None) -> Iterator[str | None]:
        """A span of the decision on one input; yields the context for the events that follow.

        Where nothing is exported, no span is made and the input's context goes on as it is.
        """
        if not self.exports or traceparent is None:
            yield traceparent
            return
        context = _PROPAGATOR.extract({"traceparent": traceparent})
        with self._tracer.start_as_current_span(name, context=context, kind=SpanKind.CONSUMER):
            yield current_traceparent()

    def close(self) -> None:
        """Export what is left."""
        self._provider.shutdown()


def current_traceparent() -> str | None:
    """The context of the current span, as the `traceparent` header has it."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return f"00-{'-'.join(ids)}-{context.trace_flags:02x}"
