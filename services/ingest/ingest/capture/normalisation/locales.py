"""Countries and languages by their codes, from the codes and names that people and forms use.

Names are those of Unicode's CLDR in the languages below, and what else English forms often say.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from babel import Locale
from babel.core import get_global

_NAMED_IN = tuple("en de fr es it nl pt pl sv da nb fi cs hu tr ru zh ja ko".split())  # noqa: SIM905
"""Where two languages call different countries alike, the first counts."""

_RESERVED = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())  # noqa: SIM905
"""CLDR's codes that are no country's."""

_ALSO_CALLED = {
    "BO": ("Plurinational State of Bolivia",),
    "BN": ("Brunei Darussalam",),
    "CD": ("Democratic Republic of the Congo", "DR Congo"),
    "CG": ("Congo", "Republic of the Congo"),
    "CI": ("Ivory Coast",),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falkland Islands (Malvinas)",),
    "FM": ("Federated States of Micronesia",),
    "GB": (
        "Great Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
        "United Kingdom of Great Britain and Northern Ireland",
    ),
    "HK": ("Hong Kong",),
    "IR": ("Islamic Republic of Iran",),
    "KP": ("Democratic People's Republic of Korea",),
    "KR": ("Korea", "Republic of Korea"),
    "LA": ("Lao People's Democratic Republic",),
    "MD": ("Republic of Moldova",),
    "MK": ("Macedonia",),
    "MO": ("Macau", "Macao"),
    "NL": ("Holland", "The Netherlands"),
    "PS": ("Palestine", "State of Palestine"),
    "RU": ("Russian Federation",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey",),
    "TW": ("Taiwan, Province of China",),
    "TZ": ("United Republic of Tanzania",),
    "US": ("United States of America", "America"),
    "VA": ("Holy See",),
    "VE": ("Bolivarian Republic of Venezuela",),
    "VN": ("Viet Nam",),
}
_LEFT_OUT = frozenset({"and", "the", "of", "und", "et", "y", "e"})
_NOT_SPOKEN = (".", "'", "\N{RIGHT SINGLE QUOTATION MARK}")
_WRITTEN_OTHERWISE = {"saint": "st"}


@lru_cache(maxsize=4096)
def country(text: str) -> str | None:
    """ISO 3166-1's two letters of a country; None where it can't be told."""
    code = text.strip().upper()
    if code in _COUNTRIES:
        return code
    return _COUNTRY_BY_ALIAS.get(code.replace(".", "")) or _COUNTRY_BY_NAME.get(_key(text))


@lru_cache(maxsize=4096)
def language(text: str) -> str | None:
    """ISO 639's shortest code of a language, from its name, any tag of it, or an Accept-Language.

    None where it can't be told.
    """
    code = re.split(r"[-_,;]", text.strip().lower(), maxsplit=1)[0]
    if code in _LANGUAGE_BY_ALIAS:
        return _LANGUAGE_BY_ALIAS[code]
    without_variant, _, _ = text.partition("(")
    return _LANGUAGE_BY_NAME.get(_key(text)) or _LANGUAGE_BY_NAME.get(_key(without_variant))


def _key(name: str) -> str:
    """A name without what it may or may not be written with: marks, articles, the words' order."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c) and c not in _NOT_SPOKEN)
    words = re.findall(r"\w+", letters)
    return " ".join(sorted(_WRITTEN_OTHERWISE.get(w, w) for w in words if w not in _LEFT_OUT))


def _ways_to_write(name: str) -> Iterator[str]:
    """The name, and for `Myanmar (Burma)` each of the two."""
    yield name
    yield from (part for part in re.split(r"[()]", name) if part.strip())


def _by_name(names: Iterator[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for code, name in names:
        for written in _ways_to_write(name):
            found.setdefault(_key(written), code)
    found.pop("", None)
    return found


def _names(language: str, of: str) -> dict[str, str]:
    """The names of all `territories` or `languages` in one language, by their codes."""
    return {code: str(name) for code, name in getattr(Locale(language), of).items() if name}


_COUNTRIES = (
    frozenset(code for code in _names("en", "territories") if re.fullmatch("[A-Z]{2}", code))
    - _RESERVED
)
_COUNTRY_BY_ALIAS: dict[str, str] = {
    alias: codes[0]
    for alias, codes in get_global("territory_aliases").items()
    if len(codes) == 1 and codes[0] in _COUNTRIES
}
_COUNTRY_BY_NAME = _by_name(
    (code, name)
    for names in (
        *(_names(language_code, "territories").items() for language_code in _NAMED_IN),
        ((code, name) for code, names in _ALSO_CALLED.items() for name in names),
    )
    for code, name in names
    if code in _COUNTRIES
)
_LANGUAGES = frozenset(
    code for code in _names("en", "languages") if re.fullmatch("[a-z]{2,3}", code)
)
_LANGUAGE_BY_ALIAS: dict[str, str] = {code: code for code in _LANGUAGES} | {
    alias: code for alias, code in get_global("language_aliases").items() if code in _LANGUAGES
}
_LANGUAGE_BY_NAME = _by_name(
    (_LANGUAGE_BY_ALIAS[code], name)
    for language_code in _NAMED_IN
    for code, name in _names(language_code, "languages").items()
    if code in _LANGUAGES
)
