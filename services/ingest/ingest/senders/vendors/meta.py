"""Meta's lead ads, by Facebook's and Instagram's webhooks (developers.facebook.com).

Signing: `X-Hub-Signature-256` is `sha256=` and the hex of an HMAC-SHA256 over the body; the key is
the app's secret.

Handshake: GET with `hub.mode=subscribe`, `hub.verify_token` and `hub.challenge`, a number. Baton
returns the challenge as text if the verify token is correct, otherwise 403.

Id: `leadgen_id`. Payload: `entry[].changes[]`, each with the `field` `leadgen` and ids only; Baton
fetches the answers. One delivery can contain a lead twice. The screen's test button sends ids that
consist of fours.
"""

import hmac
import re
from collections.abc import Iterator

from pydantic import JsonValue

from ingest.policy.vendors import IdOnlySource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Fetch, Item, ItemResult, read_each
from ingest.senders.kit.payloads import at, list_at, text_at, unix_time
from ingest.senders.kit.places import ForbiddenError, HeaderItem, NotAuthenticError, Parameter, body
from ingest.senders.kit.sender import Environment, Example, Guide, Reply, Sender, ok, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_MODE, _TOKEN, _CHALLENGE = map(Parameter, ("hub.mode", "hub.verify_token", "hub.challenge"))
_PLAIN_CHALLENGE = re.compile(rb"[0-9A-Za-z_.~-]{1,1000}")
_OF_THE_AD = ("page_id", "ad_id", "adgroup_id")


def greet(source: IdOnlySource, delivery: Delivery, environment: Environment) -> Reply | None:
    """The challenge, if the verify token is correct. Raises ForbiddenError."""
    if delivery.method != "GET" or "subscribe" not in _MODE.texts(delivery):
        return None
    expected_token = environment.get(source.verify_token_env or "", "")
    try:
        token, challenge = _TOKEN(delivery), _CHALLENGE(delivery)
    except NotAuthenticError as error:
        raise ForbiddenError(str(error)) from error
    if not expected_token or not hmac.compare_digest(token, expected_token.encode()):
        raise ForbiddenError(f"{_TOKEN} is not the verify token of this source")
    # Meta's challenge is a number. Other text could be a page with a script (XSS).
    if not _PLAIN_CHALLENGE.fullmatch(challenge):
        raise ForbiddenError(f"{_CHALLENGE} has other characters than letters, digits and _.~-")
    return Reply(200, challenge, "text/plain")


def read(source: IdOnlySource, delivery: Delivery) -> Iterator[ItemResult]:  # noqa: ARG001 - a sender's
    """The leads of a delivery, whose answers Baton must fetch. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    changes = [
        change for entry in list_at(payload, ("entry",)) for change in list_at(entry, ("changes",))
    ]
    if not changes:
        raise NotUnderstoodError("there is no `entry` with `changes`")
    return read_each(changes, _read_one)


def _read_one(change: JsonValue) -> list[Item]:
    if text_at(change, ("field",)) != "leadgen":
        raise NotUnderstoodError(
            "the change has another `field` than leadgen; subscribe to leadgen only"
        )
    value = at(change, ("value",))
    id_ = text_at(value, ("leadgen_id",))
    if id_ is None:
        raise NotUnderstoodError("the change has no leadgen_id")
    lead = LeadDraft(
        delivery_id=id_,
        external_id=id_,
        occurred_at=unix_time(at(value, ("created_time",))),
        request=RequestDraft(form_id=at(value, ("form_id",))),
        test=set(id_) == {"4"},
    )
    lead = answered(lead, {name: at(value, (name,)) for name in _OF_THE_AD})
    return [Item(lead, fetch=Fetch("leadgen", id_))]


def complete(source: IdOnlySource, draft: LeadDraft, details: JsonValue) -> LeadDraft:
    """Adds `field_data`, each with a name and values, from the answer of the Graph API."""
    answers = [
        Answer(text_at(field, ("name",)) or "", list_at(field, ("values",)))
        for field in list_at(details, ("field_data",))
    ]
    one_each = [
        Answer(a.key, a.value[0]) if isinstance(a.value, list) and len(a.value) == 1 else a
        for a in answers
    ]
    return forms.place(draft, one_each, source.answers)


SENDER = Sender(
    kind="meta",
    source=IdOnlySource,
    signing=signed_by(
        Signature(at=HeaderItem("x-hub-signature-256", "sha256"), signs=(body,), written=in_hex)
    ),
    reading=read,
    completing=complete,
    handshake=greet,
    guide=Guide(
        name="Meta lead ads (Facebook, Instagram)",
        enter=(
            "In Meta: Webhooks of the app, object Page. Enter the address as "
            "callback, and a verify token of your own (`verify_token_env`). "
            "Subscribe to `leadgen`. `secret_env` names the app's secret. Meta "
            "sends a challenge with the verify token. Baton returns a challenge of "
            "letters and digits, and refuses any other with 403."
        ),
        sends="The ids of each lead and of its form, page and ad, without answers.",
        becomes="A lead, after Baton fetched its answers. The button Test makes a test lead.",
        retries=(
            "Meta retries for 36 hours, less and less often, after any answer "
            "except 200. Baton answers Meta with 200."
        ),
        details="""\
url: https://graph.facebook.com/v23.0/{id}
token_env: META_TOKEN # a page's, with leads_retrieval
""",
    ),
    example=Example(
        '{"object": "page", "entry": [{"id": "1", "time": 1769850000, "changes": [{"field":'
        ' "leadgen", "value": {"leadgen_id": "5", "form_id": "2", "page_id": "1",'
        ' "created_time": 1769850000}}]}]}'
    ),
    answer=ok,
)
