"""Writes `docs/senders.md` from the `Guide` of each sender."""

from collections.abc import Iterator
from textwrap import indent
from typing import Any

from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.sender import Sender
from ingest.senders.kit.signing import SHOWN

_HEAD = """\
# Senders

This page says, for each vendor, what Baton makes of its webhooks and what you enter on the \
vendor's screen. The page is generated from the code (`python -m baton.contracts write`).

## Set up a source

1. Add a source to the bundle (see [policy.md](policy.md#sourcesyaml)). Its `kind` names the \
sender.
2. Put the secret into the environment variable that `secret_env` of the source names. While you \
change a secret, `secret_env` names two variables.
3. Set `BATON_WEBHOOKS_URL` to the address before the source's name, as vendors see it. Some \
vendors sign the address. Baton never trusts the host that a request names.
4. Enter the address on the vendor's screen, with the name of the source:

```text
https://YOUR-HOST/v1/webhooks/NAME
```

Do not use one secret for sources of two kinds. A signature of one vendor could then pass for the \
other's.

**Vendors that cannot sign** send the secret itself. Put it in one of these places, whichever the \
vendor's screen offers: {shown}. Prefer a header, because addresses end up in logs (not in \
Baton's). A secret for an address should consist of letters, digits, `-` and `_`. Otherwise \
escape `%`, `/`, `?`, `#` and `&` in the address (`/` as `%2F`). A `+` needs no escape.

## Answers

| answer | when | what vendors do |
|---|---|---|
| 200 or 202 | Baton has stored every part of the delivery: on its topic, in the \
spool while Kafka does not answer, or as a failed delivery \
(see [operations.md](operations.md)) | nothing more |
| 401 | the signature or the secret is missing or wrong, or the delivery's time is more than five \
minutes from Baton's clock | most retry and report it |
| 403 | a handshake with the wrong verify token, or a challenge with other characters than \
letters, digits and `_.~-` (Meta) | they show an error on the screen |
| 405 | the request is neither a delivery nor a handshake of this vendor | |
| 413 | the body is larger than `BATON_BODY_LIMIT` | most retry, without success |
| 429 | the source is over its `rate_limit`; `Retry-After` says when to retry | those that retry \
at all do so |
| 503 | Baton cannot store the delivery now, or the policy in force has no such source; \
`Retry-After` says when to retry | those that retry at all do so |

Some vendors retry only after one of 429 and 503. Baton always answers them with that one. Some \
vendors switch a webhook off after one 404 or 410. Baton therefore never answers a possible \
source name with these.

## Retries and ids

A delivery can contain several enquiries, activities or follow-ups. Baton takes each by itself, \
so an unreadable one does not affect the others.

A retry gets the same event id, so it takes effect once. Baton computes the event id from the \
vendor's id for the delivery. If that id is not unique, Baton uses several fields. Activities and \
follow-ups of different types with one id are different events.

If a delivery has neither an id nor a time, the same body sent again within a limit is a retry. \
For a lead the limit is the source's `retry_horizon` (24 hours). For an activity or a follow-up \
it is `repeat_horizon` (60 seconds; see [policy.md](policy.md#sourcesyaml)). Baton divides the \
time in UTC into spans of this length. A retry in the next span counts as a new event. Two \
events with the same body in one span count as one. Let the vendor send an id or a time whenever \
it has one.

## Consent

Consent is about marketing mail. A ticked box grants it. A box that is not ticked (`false`, \
`off`, `0`, empty) leaves it unknown and does not withdraw an earlier consent. The words \
`denied`, `no`, `opt-out` and `unsubscribed`, and a vendor's field for an opt-out, deny it. To \
withdraw consent, send such a word or an `unsubscribed` activity.

## All senders

"""
_DETAILS = (
    "The delivery contains ids only. Baton fetches the rest from the address in `details` of the "
    "source (see [policy.md](policy.md#sourcesyaml)), with the token in the variable `token_env`. "
    "Until then the lead waits (see [operations.md](operations.md#leads-without-details))."
)


def text() -> str:
    """The whole page."""
    shown = ", ".join(dict.fromkeys(str(token.at) for token in SHOWN))
    senders = sorted(SENDERS.values(), key=lambda sender: sender.guide.name.lower())
    table = "".join(f"| {sender.guide.name} | `{sender.kind}` |\n" for sender in senders)
    head = _HEAD.format(shown=shown)
    return f"{head}| sender | `kind` |\n|---|---|\n{table}\n" + "\n".join(map(_section, senders))


def _section(sender: Sender[Any]) -> str:
    return "\n".join(_lines(sender))


def _lines(sender: Sender[Any]) -> Iterator[str]:
    guide = sender.guide
    yield f"## {guide.name}\n"
    yield f"`kind: {sender.kind}`\n"
    yield f"**You get.** {guide.becomes}\n"
    yield f"**Set up.** {guide.enter}\n"
    if guide.details:
        yield f"**Fetch details.** {_DETAILS}\n"
        yield f"```yaml\ndetails:\n{indent(guide.details, '  ')}```\n"
    yield f"**The vendor sends.** {guide.sends}\n"
    yield f"**Retries.** {guide.retries}\n"
