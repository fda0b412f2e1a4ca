"""LinkedIn's lead sync (learn.microsoft.com/linkedin/marketing/lead-sync).

Signing: `X-LI-Signature` is the hex of an HMAC-SHA256 over `hmacsha256=` and the body; the key is
the client secret.

Handshake: GET with `challengeCode`, a UUID, which is answered with its HMAC-SHA256, by the same
key, within three seconds; asked again every two hours. Nothing but a UUID is signed: else anybody
could have a delivery signed.

Id: `leadGenFormResponse`, with `leadAction` (CREATED, DELETED). The answers must be fetched, by the
last part of that id alone.
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
    """The challenge with its digest. Raises NotAuthenticError.

    That is where the challenge is none of LinkedIn's, or there is no secret for it.
    """
    codes = _CODE.texts(delivery)
    if delivery.method != "GET" or not codes:
        return None
    secret, code = environment.get(source.secret_env[0], ""), codes[0]
    if not _UUID.fullmatch(code):
        raise NotAuthenticError(f"{_CODE} is no UUID")
    if not secret:
        raise NotAuthenticError(f"{source.secret_env[0]} is not set")
    digest = hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"challengeCode": code, "challengeResponse": digest})
    return Reply(200, body.encode(), "application/json")


def read(source: IdOnlySource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead that it tells of, whose answers must be fetched. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    id_, action = text_at(payload, ("leadGenFormResponse",)), text_at(payload, ("leadAction",))
    if id_ is None:
        raise NotUnderstoodError("it has no leadGenFormResponse")
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
    """`urn:li:versionedLeadGenForm:(urn:li:leadGenForm:1, 1)` is a version of the form within."""
    return urn if urn is None else urn.partition("(")[2].partition(",")[0] or urn


def complete(source: IdOnlySource, draft: LeadDraft, details: JsonValue) -> LeadDraft:
    """The lead, with what the API says of it: `formResponse.answers`, by their questions' names.

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
            "Webhooks of the developer app: the address; then a subscription for lead notifications"
            " of each account. The secret is the app's client secret. LinkedIn sends the address a "
            "challenge then, and every two hours; it is answered where it is a UUID, else with 401."
        ),
        sends="The id of each response to a form, and of the form; no answers.",
        becomes=(
            "A lead once its answers have been fetched; until then it waits. A response that was "
            "deleted there is a request to forget the person."
        ),
        retries="Every five minutes for eight hours after any answer but 2xx.",
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
