"""The service's own metrics, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class NoticeMetrics:
    """What the service shows beside the metrics that every service has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.notices = Counter(
            "baton_notices_posted", "Notices that were posted", registry=registry
        )
