"""The scoring process: `python -m scoring.main`."""

from baton.service import main
from scoring.service import MANIFEST

if __name__ == "__main__":
    main(MANIFEST)
