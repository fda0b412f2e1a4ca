"""What routing's tests share."""

import sys
from pathlib import Path

# pytest imports each test by its path, so that services may have tests of the same name; what tests
# of this service share is imported by its own.
sys.path.insert(0, str(Path(__file__).parent))
