"""`python -m baton_local.class_cache`: Kafka's classes as Java has them once they are loaded.

With them Kafka starts in less than half the time. Java itself sees to it that they fit its version,
its options and the jars, and starts without them if they don't.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from baton_local.errors import StackError, tail
from baton_local.kafka import CLASSES, kafka_program, prepare_kafka
from baton_local.kafka_jars import require_jars
from baton_local.ports import Ports
from baton_local.waiting import GENEROUS_S, wait_until


def make_class_cache(jars: Path) -> None:
    """Keeps it beside the jars. Starts Kafka once; raises StackError if that is not possible."""
    cache = jars / CLASSES
    cache.unlink(missing_ok=True)
    unfinished = cache.with_suffix(".new")
    with tempfile.TemporaryDirectory() as directory:
        home, ports = Path(directory), Ports.free()
        prepare_kafka(home, jars, ports)
        kafka = kafka_program(home, jars, ports, f"-XX:AOTCacheOutput={unfinished}")
        log = home / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                kafka.argv, cwd=home, env=kafka.env, stdout=output, stderr=subprocess.STDOUT
            ) as process,
        ):
            try:
                wait_until(
                    lambda: kafka.ready() is None or process.poll() is not None,
                    "Kafka does not start",
                )
                # Java writes the classes once Kafka has ended.
                process.terminate()
                process.wait(GENEROUS_S)
            finally:
                process.kill()
        if not unfinished.exists():
            raise StackError(f"Java has not kept the classes of Kafka:\n{tail(log)}")
    unfinished.replace(cache)


def main() -> None:
    try:
        make_class_cache(require_jars())
    except (StackError, subprocess.TimeoutExpired) as error:
        # All works without them, if more slowly.
        sys.stderr.write(f"setup: Kafka will start without them: {error}\n")


if __name__ == "__main__":
    main()
