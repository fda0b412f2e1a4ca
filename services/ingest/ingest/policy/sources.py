"""sources.yaml: who may send leads, how they sign, and where things are in what they send."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, ValidationInfo, model_validator

from baton.events import ActivityType, FollowupType, LeadActivity, LeadFollowup
from baton.policy.bundle import Bundle
from baton.policy.definitions import DEFINITIONS, Definitions
from baton.policy.model import (
    Count,
    Country,
    Elapsed,
    Id,
    NotEmpty,
    PolicyModel,
    String,
    Text,
    vocabulary_of,
    written,
)
from baton.policy.problems import Fault, FaultsError, did_you_mean
from baton.policy.section import Finding, Parts, Section, unknown

_OURS = frozenset(
    {
        "lead_id",
        "occurred_at",
        "received_at",
        "source",
        "brand",
        "type",
        "bot",
        "bot_mark",
        "records",
        "answers",
    }
)
_ACTIVITY_FIELDS = tuple(name for name in LeadActivity.model_fields if name not in _OURS)
_FOLLOWUP_FIELDS = tuple(name for name in LeadFollowup.model_fields if name not in _OURS)
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
"""What is signed, such as `{time}.{body}`."""


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


class RateLimit(PolicyModel):
    """How many deliveries each process takes of a source: so many a second, `burst` at once."""

    per_second: Count
    burst: Count | None = None

    @property
    def at_once(self) -> int:
        return self.burst or 2 * self.per_second


class _Source(PolicyModel):
    """What all kinds have. `default_country` is for phone numbers that are written without one.

    `retry_horizon`: within it, the same body without id or time is the same enquiry.
    `repeat_horizon`: within it, it is the same activity or follow-up.
    """

    label: Text
    brand: Id
    default_country: Country | None = None
    retry_horizon: Elapsed = timedelta(hours=24)
    repeat_horizon: Elapsed = timedelta(seconds=60)
    rate_limit: RateLimit = RateLimit(per_second=1_000)


class ApiSource(_Source):
    """Sends our own API's JSON, with a bearer token."""

    kind: Literal["api"]


class Details(PolicyModel):
    """Where a vendor tells the rest of what its webhooks name by an id alone.

    `url` is asked with the record's id for `{id}`; `token_env` names the variable whose token goes
    along as a bearer's, `headers` go along as they stand.
    """

    url: Annotated[
        String,
        written(
            r"https?://[^\s{}]+\{id\}[^\s{}]*",
            "must be an address with {id} in its path, such as https://api.example.com/leads/{id}",
        ),
    ]
    token_env: VariableName | None = None
    headers: dict[Text, Text] = Field(default_factory=dict)


class SignedSource(_Source):
    """Signs what it sends, or shows a secret with it.

    `secret_env` names variables; two at once while a secret is changed. `details` is for vendors
    that give only an id.
    """

    kind: str
    secret_env: Annotated[tuple[VariableName, ...], Field(max_length=2), NotEmpty]
    details: Details | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that hold its secrets."""
        return self.secret_env


class Who(PolicyModel):
    """Where a payload says whose activity or follow-up it is; at least one is there."""

    lead_id: PayloadPath | None = None
    email: PayloadPath | None = None
    external_id: PayloadPath | None = None
    phone: PayloadPath | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if not any((self.lead_id, self.email, self.external_id, self.phone)):
            msg = "needs one of lead_id, email, external_id, phone"
            raise ValueError(msg)
        return self


class LeadMapping(PolicyModel):
    """An event that is a lead. Without `occurred_at`, it happened when it was sent.

    `constants` are the same each time.
    """

    becomes: Literal["lead"]
    occurred_at: PayloadPath | None = None
    fields: Annotated[dict[ProfileField, PayloadPath], NotEmpty]
    constants: dict[ProfileField, Text] = Field(default_factory=dict)


class ActivityMapping(PolicyModel):
    """An event that is an activity of a lead; `constants` are the same each time."""

    becomes: Literal["activity"]
    type: ActivityType
    who: Who
    occurred_at: PayloadPath | None = None
    fields: dict[str, PayloadPath] = Field(default_factory=dict)
    constants: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        _check_targets(self.fields, _ACTIVITY_FIELDS)
        _check_targets(self.constants, _ACTIVITY_FIELDS, at="constants")
        return self


class FollowupMapping(PolicyModel):
    """An event that is a follow-up; `constants` are the same each time."""

    becomes: Literal["followup"]
    type: FollowupType
    who: Who
    occurred_at: PayloadPath | None = None
    fields: dict[str, PayloadPath] = Field(default_factory=dict)
    constants: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        _check_targets(self.fields, _FOLLOWUP_FIELDS)
        _check_targets(self.constants, _FOLLOWUP_FIELDS, at="constants")
        return self


def _check_targets(targets: Iterable[str], known: Collection[str], at: str = "fields") -> None:
    faults = [
        Fault((at, name), f"unknown field '{name}'{did_you_mean(name, known)}")
        for name in targets
        if name not in known
    ]
    if faults:
        raise FaultsError(faults).as_validation_error()


class ErasureMapping(PolicyModel):
    """An event that asks for a person to be forgotten; without `occurred_at`, up to its receipt."""

    becomes: Literal["erasure"]
    who: Who
    occurred_at: PayloadPath | None = None


EventMapping = Annotated[
    LeadMapping | ActivityMapping | FollowupMapping | ErasureMapping, Discriminator("becomes")
]


class MappedSource(SignedSource):
    """Sends what the bundle alone can say the meaning of.

    `type_at` is where a payload says which event it is; `events` says what each becomes. Those in
    `ignore` are answered and forgotten, any other is kept as not understood.
    """

    type_at: PayloadPath | None = "type"
    events: Annotated[dict[Text, EventMapping], NotEmpty]
    ignore: tuple[Text, ...] = ()


class StandardWebhooksSource(MappedSource):
    """Sends and signs as standardwebhooks.com has it."""

    kind: Literal["standard_webhooks"]
    type_at: PayloadPath = "type"


class EventsSource(MappedSource):
    """Sends events of a common form: the kind says where their id and time are."""

    kind: Literal["cloudevents", "hub_signature", "stripe_like", "tiktok"]
    type_at: PayloadPath | None = None


class SignedText(PolicyModel):
    """How a system in the house signs, or which secret it shows.

    `over` is what is signed, with the parts in braces. `header` holds the signature or the token,
    `parameter` is one of the address's query, `field` a place in a body of JSON.
    """

    by: Literal["hmac", "digest", "token", "basic"]
    header: HeaderName | None = None
    parameter: Text | None = None
    field: PayloadPath | None = None
    prefix: Text | None = None
    over: SignedParts = "{body}"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    written: Literal["hex", "base64"] = "hex"
    key: Literal["text", "base64"] = "text"
    time: HeaderName | None = None
    time_as: Literal["seconds", "milliseconds", "iso"] = "seconds"
    tolerance: Elapsed = timedelta(minutes=5)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        places = [place for place in (self.header, self.parameter, self.field) if place]
        if self.by == "basic" and places:
            msg = "basic credentials stand in the header authorization: name no place"
            raise ValueError(msg)
        if self.by in ("hmac", "digest") and (len(places) != 1 or not self.header):
            msg = "needs the header that holds the signature, and no other place"
            raise ValueError(msg)
        if self.by == "token" and len(places) != 1:
            msg = "needs exactly one of header, parameter, field"
            raise ValueError(msg)
        if self.by in ("hmac", "digest") and "{body}" not in self.over:
            msg = "must sign the body: over needs {body}"
            raise ValueError(msg)
        if ("{time}" in self.over) != (self.time is not None):
            msg = "needs {time} in over and the header as time, or neither"
            raise ValueError(msg)
        return self


class GenericSource(MappedSource):
    """A system in the house; all that is particular about it stands here.

    `items_at`: where a payload has a list of events. The paths of all else are those within an
    event, or, where it has nothing there, within the whole payload. Without `type_at` and
    `type_header`, every event is the one in `events`. `delivery_id_at` or `delivery_id_header`:
    what is the same for each attempt at a delivery.
    """

    kind: Literal["generic"]
    signs: SignedText
    items_at: PayloadPath | None = None
    type_at: PayloadPath | None = None
    type_header: HeaderName | None = None
    delivery_id_at: PayloadPath | None = None
    delivery_id_header: HeaderName | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.type_at and self.type_header:
            msg = "has its type in one place: type_at or type_header"
            raise ValueError(msg)
        if self.delivery_id_at and self.delivery_id_header:
            msg = "has its id in one place: delivery_id_at or delivery_id_header"
            raise ValueError(msg)
        if not self.type_at and not self.type_header and len(self.events) + len(self.ignore) != 1:
            msg = "needs type_at or type_header, since it has several events"
            raise ValueError(msg)
        return self


class FormAnswer(PolicyModel):
    """Which answer of a form goes into which field.

    It is named by one of: the question's `ref` (its key at the vendor), `title` or `type`, or the
    `hidden` field's name.
    """

    to: ProfileField
    ref: Text | None = None
    title: Text | None = None
    hidden: Text | None = None
    type: Text | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        named = [name for name in (self.ref, self.title, self.hidden, self.type) if name]
        if len(named) != 1:
            msg = "needs exactly one of ref, title, hidden, type"
            raise ValueError(msg)
        return self


class TypeformSource(SignedSource):
    """Sends Typeform's form responses."""

    kind: Literal["typeform"]
    answers: Annotated[tuple[FormAnswer, ...], Field(max_length=500), NotEmpty]


class FormSource(SignedSource):
    """Sends what people filled in.

    Answers whose question says plainly what it asks for (email, first name, company, ...) need no
    mapping.
    """

    kind: Literal[
        "contact_form_7",
        "google_ads",
        "gravity_forms",
        "jotform",
        "make",
        "marketo",
        "tally",
        "webflow",
        "zapier",
    ]
    answers: Annotated[tuple[FormAnswer, ...], Field(max_length=500)] = ()


class IdOnlySource(SignedSource):
    """Sends the id of a lead that must be fetched; `verify_token_env` is for its handshake."""

    kind: Literal["linkedin", "meta"]
    answers: Annotated[tuple[FormAnswer, ...], Field(max_length=500)] = ()
    verify_token_env: VariableName | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that hold its secrets."""
        return (*self.secret_env, *([self.verify_token_env] if self.verify_token_env else []))


class VendorSource(SignedSource):
    """Sends what its vendor has settled the meaning of."""

    kind: Literal[
        "activecampaign",
        "brevo",
        "customerio",
        "intercom",
        "klaviyo",
        "mailchimp",
        "segment",
    ]


class SalesOutcome(PolicyModel):
    """The follow-up that a vendor's word stands for; `reason` where the lead is given back."""

    type: FollowupType
    reason: Id | None = None


class SalesSource(SignedSource):
    """Sends what sales does with leads.

    `outcomes` says by a field of the vendor's and what stands in it which follow-up that is; what
    stands in `ignore` is passed over, of a field with an empty list all. `reps` are the ids of reps
    by the ids or addresses that the vendor has for its users.
    """

    outcomes: dict[Text, dict[Text, SalesOutcome]] = Field(default_factory=dict)
    ignore: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    reps: dict[Text, Id] = Field(default_factory=dict)


class SalesToolSource(SalesSource):
    """Sends calls, meetings and deals."""

    kind: Literal[
        "aircall",
        "calendly",
        "gong",
        "gong_unsigned",
        "outreach",
        "pipedrive",
        "ringcentral",
        "salesloft",
        "twilio",
    ]


class HubspotSource(SalesSource):
    """Sends what happened to records of HubSpot; `answers` places their properties."""

    kind: Literal["hubspot"]
    answers: Annotated[tuple[FormAnswer, ...], Field(max_length=500)] = ()


class SalesforceSource(SalesSource):
    """Sends records of Salesforce; `fields` places those that are not standard, by their names.

    `status_since` is the field that says since when a record has its `Status`.
    """

    kind: Literal["salesforce"]
    fields: dict[ProfileField, Text] = Field(default_factory=dict)
    status_since: Text | None = None


Source = (
    ApiSource
    | StandardWebhooksSource
    | EventsSource
    | GenericSource
    | TypeformSource
    | FormSource
    | IdOnlySource
    | VendorSource
    | SalesToolSource
    | HubspotSource
    | SalesforceSource
)


class Sources(PolicyModel):
    """All of sources.yaml."""

    sources: Annotated[dict[Id, Annotated[Source, Discriminator("kind")]], NotEmpty]


def _names(sources: Sources) -> Mapping[str, Collection[str]]:
    return {"source": list(sources.sources)}


def _findings(sources: Sources, parts: Parts) -> Iterator[Finding]:
    definitions = parts.get(DEFINITIONS)
    for name, source in sources.sources.items():
        if isinstance(source, MappedSource):
            yield from _constant_reasons(name, source, parts)
        if isinstance(source, SalesSource) and definitions is not None:
            yield from _outcome_reasons(name, source, definitions)


def _constant_reasons(name: str, source: MappedSource, parts: Parts) -> Iterator[Finding]:
    for event, mapping in source.events.items():
        if isinstance(mapping, FollowupMapping) and "reason" in mapping.constants:
            place = ("sources", name, "events", event, "constants", "reason")
            yield from parts.unknown(place, "reason", mapping.constants["reason"])


def _outcome_reasons(name: str, source: SalesSource, definitions: Definitions) -> Iterator[Finding]:
    for field, by_value in source.outcomes.items():
        for value, outcome in by_value.items():
            if outcome.reason is not None:
                known = definitions.reasons_for(outcome.type) or definitions.reasons
                place = ("sources", name, "outcomes", field, value, "reason")
                codes = [reason.code for reason in known]
                yield from unknown(place, "reason", outcome.reason, codes)


SOURCES = Section("sources.yaml", Sources, needs=(DEFINITIONS,), names=_names, findings=_findings)


def sources_of(bundle: Bundle) -> Mapping[str, Source]:
    """The bundle's sources by name."""
    return bundle.section(SOURCES).sources
