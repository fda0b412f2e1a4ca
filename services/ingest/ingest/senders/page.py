"""`docs/senders.md`, made from what the senders say of themselves."""

from collections.abc import Iterator
from textwrap import indent
from typing import Any

from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.sender import Sender
from ingest.senders.kit.signing import SHOWN

_HEAD = """\
# Senders

What to enter in each vendor's screen, what it sends then, and what becomes of it. This page is \
made from the code (`python -m baton.contracts write`).

A source of the bundle (see [policy.md](policy.md#sourcesyaml)) names its sender as `kind`. Its \
address is

```text
https://YOUR-HOST/v1/webhooks/NAME
```

with the source's name, and the secret is in the variables that its `secret_env` names: one, or \
two while it is being changed. Set `BATON_WEBHOOKS_URL` to what stands before the name in that \
address, as vendors have it; some sign it. What a request says of its own host is never \
believed. Do not give sources of two kinds the same secret: what one vendor signs could then pass \
for the other's.

**Who can't sign** shows the secret instead, wherever the vendor's screen has room for it: \
{shown}. Prefer a header: addresses end up in logs, though not in Baton's. A \
secret for an address is best made of letters, digits, `-` and `_`. In any other, write `%`, `/`, \
`?`, `#` and `&` escaped there (`/` as `%2F`); a `+` may stand as it is.

| answer | when | what vendors do |
|---|---|---|
| 200 or 202 | each thing that the delivery tells is safe: on its topic, spooled while Kafka is \
away, or kept because it was not understood (see [operations.md](operations.md)) | they are \
content |
| 401 | nothing shows that the delivery or the handshake is theirs, or the delivery is more than \
five minutes from our clock | most try again, and report it |
| 403 | a handshake by who does not know what was entered for it, or with a challenge that is no \
plain word (Meta) | they say so on the screen |
| 405 | no delivery, and no handshake of this vendor | |
| 413 | the body is over `BATON_BODY_LIMIT` | most try again, in vain |
| 429 | the source is over its `rate_limit`; `Retry-After` says when | they try again, where they \
ever do |
| 503 | our own fault, or the policy in force has no such source; `Retry-After` says when | they \
try again, where they ever do. A vendor that does so after one of these two alone gets that one |

There is no 404 or 410 for a name that a source could have: some vendors switch a webhook off at \
the first one. Of several things in one delivery each is taken by itself. A retry is the same \
event: the vendor's id for the delivery goes into the event's, or several of its fields, where \
the vendor's own id is not unique. One id may stand for several things: an activity or a \
follow-up is another event where its type is another.

What has neither an id nor a time is a repetition where the body is the same: a lead within the \
source's `retry_horizon` (24 hours), an activity or a follow-up within its `repeat_horizon` (60 \
seconds; see [policy.md](policy.md#sourcesyaml)). These are spans of the clock in UTC: a retry \
across the end of one is another event, and two calls in the same words within one are one. Have \
an id or a time sent wherever the vendor has one.

**Consent** is about marketing mail. A box that is ticked grants it. A box that is not (`false`, \
`off`, `0`, empty) leaves it unknown, which takes back nothing that was granted before. It is \
denied by what says no: `denied`, `no`, `opt-out`, `unsubscribed`, a vendor's field for having \
opted out. Who must withdraw it sends such a word, or an `unsubscribed` activity.

"""
_DETAILS = (
    "What is not sent is asked for, at the address that the source names (see "
    "[policy.md](policy.md#sourcesyaml)), with the token in the variable; until then the lead waits"
    " (see [operations.md](operations.md#leads-without-details)):"
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
    yield f"**Enter.** {guide.enter}\n"
    yield f"**It sends.** {guide.sends}\n"
    yield f"**It becomes.** {guide.becomes}\n"
    if guide.details:
        yield f"**Have fetched.** {_DETAILS}\n"
        yield f"```yaml\ndetails:\n{indent(guide.details, '  ')}```\n"
    yield f"**Failures.** {guide.retries}\n"
