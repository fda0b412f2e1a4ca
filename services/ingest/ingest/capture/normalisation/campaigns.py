"""The campaign of a lead: UTM parameters and click ids, from each place where senders put them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

from pydantic import JsonValue

from baton.events import Campaign
from ingest.capture.normalisation.names import flat

_LONGEST = 1_000
_MOST_PARAMETERS = 200

_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_CLICK_IDS = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "fbclid",
    "li_fat_id",
    "ttclid",
    "twclid",
    "rdt_cid",
    "sccid",
    "epik",
    "yclid",
)
"""Of each ad network; where a place has several, the first of these counts."""

_PARAMETERS = {flat(name): name for name in (*_UTM, *_CLICK_IDS)}


def understood(campaign: Campaign, answers: Mapping[str, JsonValue]) -> Campaign:
    """The campaign, completed from the raw answers, the landing page and the referrer, in this
    order. If a place contradicts a known parameter, it belongs to another visit, and its UTM
    parameters are ignored.
    """
    utm = {name: value for name in _UTM if (value := getattr(campaign, name)) is not None}
    click = (campaign.click_id_kind, campaign.click_id) if campaign.click_id else None
    for place in filter(None, _places(campaign, answers)):
        found = {name: place[name] for name in _UTM if name in place}
        if all(utm.get(name, value) == value for name, value in found.items()):
            utm = found | utm
        if click is None:
            click = next(((name, place[name]) for name in _CLICK_IDS if name in place), None)
    kind, id_ = click or (None, None)
    return campaign.model_copy(update={**utm, "click_id": id_, "click_id_kind": kind})


def _places(campaign: Campaign, answers: Mapping[str, JsonValue]) -> Iterator[dict[str, str]]:
    """The known parameters of each place, by their names."""
    yield dict(_in_answers(answers))
    for url in (campaign.landing_url, campaign.referrer):
        if url and "?" in url:
            yield dict(_in_url(url))


def _in_answers(answers: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Answers stand under their question or path; hidden fields under `hidden.` and their name."""
    for path, value in answers.items():
        if isinstance(value, dict):
            yield from _named(value.items())
        else:
            yield from _named([(path.rpartition(".")[2], value)])


def _in_url(url: str) -> Iterator[tuple[str, str]]:
    query = url.partition("?")[2].partition("#")[0]
    with suppress(ValueError):  # more parameters than any page has
        yield from _named(parse_qsl(query, max_num_fields=_MOST_PARAMETERS))


def _named(pairs: Iterable[tuple[str, JsonValue]]) -> Iterator[tuple[str, str]]:
    for parameter, value in pairs:
        name = _PARAMETERS.get(flat(parameter))
        if name and isinstance(value, str) and _is_usable(value):
            yield name, value.strip()


def _is_usable(value: str) -> bool:
    """A URL can hold any character in its escapes; an event's text can't, and has a bound."""
    return 0 < len(value.strip()) <= _LONGEST and value.isprintable()
