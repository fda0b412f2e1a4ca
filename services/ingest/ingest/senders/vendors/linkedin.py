"""LinkedIn's lead sync (learn.microsoft.com/linkedin/marketing/lead-sync).

Signing: `X-LI-Signature` is the hex of an HMAC-SHA256 over `hmacsha256=` and the body; the key is
the client secret.

Handshake: GET with `challengeCode`, a UUID. The answer is its HMAC-SHA256 with the same key, within
three seconds. LinkedIn repeats it every two hours. Baton signs only a UUID, because otherwise a
caller could let Baton sign a forged delivery.

Id: `leadGenFormResponse`, with `leadAction` (CREATED, DELETED). Baton fetches the answers by the
last part of that id.
"""

import hashlib
import hmac
import json
import re

from pydantic import JsonValue

from ingest.policy.vendors import IdOnlySource
from ingest.senders.kit import forms
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import ErasureDraft, LeadDraft, RequestDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Fetch, Item
from ingest.senders.kit.payloads import at, list_at, text_at, unix_time, values_at
from ingest.senders.kit.places import Header, NotAuthenticError, Parameter, body
from ingest.senders.kit.sender import Environment, Example, Guide, Reply, Sender, ok, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_CODE = Parameter("challengeCode")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


_ANSWERS = {
    "account": "owner.sponsoredAccount",
    "organization": "owner.organization",
    "creative": "associatedEntity.sponsoredCreative",
    "leadType": "leadType",
}


def greet(source: IdOnlySource, delivery: Delivery, environment: Environment) -> Reply | None:
    """The challenge with its digest.

    Raises NotAuthenticError if the challenge is not a UUID, or if the secret is not set.
    """
    codes = _CODE.texts(delivery)
    if delivery.method != "GET" or not codes:
        return None
    secret, code = environment.get(source.secret_env[0], ""), codes[0]
    if not _UUID.fullmatch(code):
        raise NotAuthenticError(f"{_CODE} is not a UUID")
    if not secret:
        raise NotAuthenticError(f"the secret {source.secret_env[0]} is not set")
    digest = hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"challengeCode": code, "challengeResponse": digest})
    return Reply(200, body.encode(), "application/json")


def read(source: IdOnlySource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead, whose answers Baton must fetch, or its erasure. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    id_, action = text_at(payload, ("leadGenFormResponse",)), text_at(payload, ("leadAction",))
    if id_ is None:
        raise NotUnderstoodError("the notification has no leadGenFormResponse")
    happened_at = unix_time(at(payload, ("occurredAt",)))
    if action == "DELETED":
        erasure = ErasureDraft(
            why="LinkedIn says that the lead was deleted there",
            requested_by="linkedin",
            delivery_id=id_,
            external_id=id_,
            occurred_at=happened_at,
        )
        return [Item(erasure)]
    lead = LeadDraft(
        delivery_id=id_,
        external_id=id_,
        occurred_at=happened_at,
        request=RequestDraft(form_id=_plain_form(text_at(payload, ("leadGenForm",)))),
        test=text_at(payload, ("leadType",)) == "TEST",
    )
    lead = answered(lead, values_at(payload, _ANSWERS))
    return [Item(lead, fetch=Fetch("leadFormResponse", id_.rpartition(":")[2]))]


def _plain_form(urn: str | None) -> str | None:
    """The form's id in `urn:li:versionedLeadGenForm:(urn:li:leadGenForm:1, 1)`."""
    return urn if urn is None else urn.partition("(")[2].partition(",")[0] or urn


def complete(source: IdOnlySource, draft: LeadDraft, details: JsonValue) -> LeadDraft:
    """Adds `formResponse.answers`, by their questions' names, from the answer of the API.

    An answer is a text (`textQuestionAnswer`), or choices (`multipleChoiceAnswer`).
    """
    answers = []
    for answer in list_at(details, ("formResponse", "answers")):
        key = text_at(answer, ("name",)) or text_at(answer, ("questionId",)) or ""
        text = at(answer, ("answerDetails", "textQuestionAnswer", "answer"))
        chosen = at(answer, ("answerDetails", "multipleChoiceAnswer", "options"))
        answers.append(Answer(key, chosen if text is None else text))
    return forms.place(draft, answers, source.answers)


SENDER = Sender(
    kind="linkedin",
    source=IdOnlySource,
    signing=signed_by(
        Signature(at=Header("x-li-signature"), signs=(b"hmacsha256=", body), written=in_hex)
    ),
    reading=read,
    completing=complete,
    handshake=greet,
    guide=Guide(
        name="LinkedIn lead gen forms",
        enter=(
            "In LinkedIn: Webhooks of the developer app. Enter the address, then "
            "subscribe to the lead notifications of each account. The secret is the "
            "app's client secret. LinkedIn sends the address a challenge at once "
            "and every two hours. Baton answers a challenge that is a UUID, and any "
            "other with 401."
        ),
        sends="The ids of each response and of its form, without answers.",
        becomes=(
            "A lead, after Baton fetched the answers of the response. A request to "
            "forget the person when the response is deleted at LinkedIn."
        ),
        retries=(
            "LinkedIn retries every five minutes for eight hours after any answer except 2xx."
        ),
        details="""\
url: https://api.linkedin.com/rest/leadFormResponses/{id}
token_env: LINKEDIN_TOKEN # a member's, with r_marketing_leadgen_automation
headers: {LinkedIn-Version: "202601", X-Restli-Protocol-Version: 2.0.0}
""",
    ),
    example=Example(
        '{"type": "LEAD_ACTION", "leadGenFormResponse": "urn:li:leadGenFormResponse:1-2",'
        ' "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)",'
        ' "leadType": "SPONSORED", "leadAction": "CREATED", "occurredAt": 1769850000000}'
    ),
    answer=ok,
)
