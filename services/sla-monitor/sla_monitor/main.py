"""The sla-monitor process: `python -m sla_monitor.main`."""

from baton.service import main
from sla_monitor.service import MANIFEST

if __name__ == "__main__":
    main(MANIFEST)
