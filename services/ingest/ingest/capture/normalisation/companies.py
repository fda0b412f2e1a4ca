"""A company's domain: the part of a host's name that somebody registered, by the public suffixes.

The list is the one that its package came with; nothing is asked of any network.
"""

import re
from functools import lru_cache

import idna
from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList(accept_unknown=False)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")


@lru_cache(maxsize=8192)
def domain(written: str) -> str | None:
    """The registered domain, in ASCII, of an address on the web, a host or a mail address.

    None where there is none: an IP address, a name that nobody can register, any other text.
    """
    text = _SCHEME.sub("", written.strip().lower(), count=1)
    host = re.split(r"[/?#]", text, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return None
    name = name.removesuffix(".")
    return _SUFFIXES.privatesuffix(name) if _HOST.fullmatch(name) else None
