"""Every metric of Baton, declared once, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class RuntimeMetrics:
    """What each consuming service shows of its runner."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.inputs = Counter(
            "baton_inputs",
            "Inputs by what became of them: applied, duplicate, poison, forgotten, passed",
            ["kind", "outcome"],
            registry=registry,
        )
        self.batch_inputs = Histogram(
            "baton_batch_inputs", "Inputs in a transaction", buckets=_BATCH, registry=registry
        )
        self.batch_seconds = Histogram(
            "baton_batch_seconds", "Time of a transaction", buckets=_SECONDS, registry=registry
        )
        self.published = Counter(
            "baton_published", "Events that Kafka has acknowledged", ["topic"], registry=registry
        )
        self.outbox = Gauge(
            "baton_outbox_unpublished", "Events committed and not yet published", registry=registry
        )
        self.outbox_rows = Gauge(
            "baton_outbox_rows",
            "Events of this process's shards in the outbox: not published, or not yet deleted",
            registry=registry,
        )
        self.commands = Gauge(
            "baton_commands_waiting",
            "Commands, replays too, that wait for this process's shards; no more than 200",
            registry=registry,
        )
        self.overdue = Gauge(
            "baton_timers_overdue_seconds",
            "How long the oldest timer of this process's shards is due by the database's clock, "
            "those that wait for unread facts too",
            registry=registry,
        )
        self.shards_open = Gauge(
            "baton_shards_open", "Shards that this process owns", registry=registry
        )
        self.lag = Gauge(
            "baton_lag_records", "Records that wait in Kafka for this process", registry=registry
        )
        self.rejoins = Counter(
            "baton_rejoins",
            "Times that this process left the group and joined again",
            ["why"],
            registry=registry,
        )
        self.retries = Counter(
            "baton_retries", "Batches that were tried again", ["why"], registry=registry
        )
        self.dead_letters = Counter(
            "baton_dead_letters", "Inputs that became dead letters", ["kind"], registry=registry
        )
        self.breaker = Gauge(
            "baton_breaker_tripped", "1 while the service has stopped itself", registry=registry
        )
        self.late_timers = Counter(
            "baton_timers_facts_incomplete",
            "Accusing timers that fired though their shard had not read everything",
            registry=registry,
        )


class HttpMetrics:
    """What each service shows of its HTTP side."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connections_cut = Counter(
            "baton_connections_cut",
            "Connections that were cut off: slow, does not read, long head, not HTTP, too many",
            ["why"],
            registry=registry,
        )


class IngestMetrics:
    """What intake shows of its edge."""

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
