"""The service's own metrics, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class NoticeMetrics:
    """The metrics of this service, beside those that every service has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.notices = Counter(
            "baton_notices_posted", "Notices that were posted", registry=registry
        )
