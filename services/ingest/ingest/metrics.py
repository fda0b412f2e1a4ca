"""Ingest's own metrics, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IngestMetrics:
    """The metrics of an ingest process, beside those that every service has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "baton_deliveries",
            "Deliveries by source and by what became of them",
            ["source", "outcome"],
            registry=registry,
        )
        self.refused = Counter(
            "baton_refused_requests",
            "Requests that were answered with a problem, by its status",
            ["status"],
            registry=registry,
        )
        self.undeclared_fields = Counter(
            "baton_undeclared_fields",
            "Fields that nobody declared, kept with the raw answers",
            ["source"],
            registry=registry,
        )
        self.unfitting_values = Counter(
            "baton_unfitting_values",
            "Values of webhooks that do not fit their fields, kept with the raw answers",
            ["source"],
            registry=registry,
        )
        self.kept_deliveries = Gauge(
            "baton_kept_deliveries",
            "Deliveries that were not understood and are not replayed yet",
            registry=registry,
        )
        self.kept_age = Gauge(
            "baton_kept_deliveries_age_seconds",
            "Age of the oldest of these deliveries",
            registry=registry,
        )
        self.fetches = Gauge(
            "baton_fetches_waiting",
            "Leads whose details are still to be fetched from their vendor",
            registry=registry,
        )
        self.fetches_age = Gauge(
            "baton_fetches_age_seconds", "Age of the oldest of these leads", registry=registry
        )
        self.quarantined = Gauge(
            "baton_quarantined_leads",
            "Enquiries in quarantine that nobody has decided on",
            registry=registry,
        )
        self.quarantine_age = Gauge(
            "baton_quarantine_age_seconds",
            "Age of the oldest of these enquiries",
            registry=registry,
        )
        self.source_silence = Gauge(
            "baton_source_silence_seconds",
            "Time since a source was heard last, of those that ever were",
            ["source"],
            registry=registry,
        )
        self.source_quiet = Gauge(
            "baton_source_quiet",
            "1 while a source is silent against its own usual rhythm",
            ["source"],
            registry=registry,
        )
        self.task_failures = Counter(
            "baton_task_failures",
            "Times that a task beside the HTTP side failed and began anew",
            ["task"],
            registry=registry,
        )
        self.spooled = Counter(
            "baton_spooled",
            "Events that went to the spool, since Kafka was away",
            registry=registry,
        )
        self.spool_rows = Gauge(
            "baton_spool_rows", "Events in the spool, at most", registry=registry
        )
        self.spool_bytes = Gauge(
            "baton_spool_bytes", "Bytes of the events in the spool, about", registry=registry
        )
        self.spool_age = Gauge(
            "baton_spool_age_seconds", "Age of the oldest event in the spool", registry=registry
        )
        self.waiting_rows = Gauge(
            "baton_waiting_rows",
            "Follow-ups and activities of people whom nobody has captured yet",
            registry=registry,
        )
        self.waiting_age = Gauge(
            "baton_waiting_age_seconds", "Age of the oldest one that waits", registry=registry
        )
        self.given_up = Counter(
            "baton_waiting_given_up",
            "Follow-ups and activities that have waited past their retention, and are gone",
            registry=registry,
        )
        self.bulk_held = Counter(
            "baton_bulk_held_seconds",
            "Time that batches were held back, since consumers were behind",
            registry=registry,
        )
        self.bulk_lag = Gauge(
            "baton_bulk_lag_records",
            "Records that wait for a group, as last seen while a batch came in",
            ["group"],
            registry=registry,
        )
