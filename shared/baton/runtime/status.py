"""Whether a process is ready, and why not."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Status:
    """Reasons why the process is not ready, by the part that has them; ready without any."""

    reasons: dict[str, str] = field(default_factory=dict)

    def not_ready(self, part: str, reason: str) -> None:
        """`part` can't work for now."""
        self.reasons[part] = reason

    def ready(self, part: str) -> None:
        """`part` works."""
        self.reasons.pop(part, None)
