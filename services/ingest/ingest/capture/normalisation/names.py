"""The names of fields, and words for a choice, as people and systems write them."""

import re
from functools import lru_cache

_LONGEST = 100


def flat(name: str) -> str:
    """Letters and digits alone, in lower case: `UTM Source` and `utm_source` are `utmsource`.

    Names that are longer than any known name become empty.
    """
    return _flat(name) if len(name) <= _LONGEST else ""


@lru_cache(maxsize=8192)
def _flat(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
