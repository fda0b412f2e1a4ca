"""The metrics that every service has, for Prometheus; its own are in the service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class RuntimeMetrics:
    """Metrics of the runner, in each service with a consumer."""

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
            "Commands, replays too, that wait for this process's shards; no more than a batch",
            registry=registry,
        )
        self.overdue = Gauge(
            "baton_timers_overdue_seconds",
            "How long the oldest timer of this process's shards is due by the database's clock, "
            "those that wait for unread facts too",
            registry=registry,
        )
        self.shards_closed = Gauge(
            "baton_shards_closed",
            "1 for each shard of this process that is closed for a fault, with the fault",
            ["shard", "reason"],
            registry=registry,
        )
        self.shards_open = Gauge(
            "baton_shards_open", "Shards that this process owns", registry=registry
        )
        self.lag = Gauge(
            "baton_lag_records",
            "Records that wait in Kafka for the open shards of this process",
            registry=registry,
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
    """Metrics of the HTTP server, in each service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connections_cut = Counter(
            "baton_connections_cut",
            "Connections that were cut off: slow, does not read, long head, not HTTP, too many",
            ["why"],
            registry=registry,
        )
