"""The routing process: `python -m routing.main`."""

from baton.service import main
from routing.service import MANIFEST

if __name__ == "__main__":
    main(MANIFEST)
