"""Where things are in a checkout, which is the only place this package is installed from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RUN = ROOT / ".run"
KAFKA_JARS = RUN / "kafka-jars"
