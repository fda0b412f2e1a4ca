"""Types that sources.yaml uses in many places: paths, names, fields of the profile."""

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from baton.policy.model import String, vocabulary_of, written

_NOT_FOR_SENDERS = frozenset({"brand", "source"})


PayloadPath = Annotated[
    String,
    written(r"[^.\s]+( +[^.\s]+)*(\.[^.\s]+( +[^.\s]+)*)*", "must be a path, such as data.email"),
]
"""Keys into a payload's JSON, with dots between; a number is a position in a list, from 0."""

VariableName = Annotated[
    String, written(r"[A-Z][A-Z0-9_]*", "must be the name of a variable, such as WEBSHOP_SECRET")
]

HeaderName = Annotated[
    String, written(r"[a-z0-9][a-z0-9-]*", "must be a header's name in lower case")
]

SignedParts = Annotated[
    String,
    written(
        r"([^{}]|\{(body|time|method|url|header:[a-z0-9-]+)\})+",
        "may have in braces: body, time, method, url, header:NAME",
    ),
]
"""The template of the signed text, such as `{time}.{body}`."""


def _profile_field(path: str, info: ValidationInfo) -> str:
    known = vocabulary_of(info).profile
    if path in _NOT_FOR_SENDERS:
        msg = f"'{path}' is set by the source itself"
        raise ValueError(msg)
    try:
        known.look_up(path)
    except LookupError as error:
        raise ValueError(error.args[0]) from error
    return path


ProfileField = Annotated[String, AfterValidator(_profile_field)]
"""The path of a field of the profile, `custom.*` among them."""
