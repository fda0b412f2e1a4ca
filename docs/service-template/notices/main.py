"""The notices process: `python -m notices.main`."""

from baton.service import main
from notices.service import MANIFEST

if __name__ == "__main__":
    main(MANIFEST)
