"""sources.yaml: who may send leads, how they sign, and where things are in what they send."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, ValidationInfo, model_validator

from baton.events import ActivityType, FollowupType, LeadActivity, LeadFollowup
from baton.policy.model import (
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

_OURS = frozenset({"lead_id", "occurred_at", "received_at", "source", "type", "bot", "answers"})
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


class _Source(PolicyModel):
    """What all kinds have. `default_country` is for phone numbers that are written without one.

    `retry_horizon`: within it, the same body without id or time is the same enquiry.
    """

    label: Text
    brand: Id
    default_country: Country | None = None
    retry_horizon: Elapsed = timedelta(hours=24)


class ApiSource(_Source):
    """Sends our own API's JSON, with a bearer token."""

    kind: Literal["api"]


class _SignedSource(_Source):
    """Signs what it sends. `secret_env` names variables; two at once while a secret is changed."""

    secret_env: Annotated[tuple[VariableName, ...], Field(max_length=2), NotEmpty]


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
    """An event that is a lead. Without `occurred_at`, it happened when it was sent."""

    becomes: Literal["lead"]
    occurred_at: PayloadPath | None = None
    fields: Annotated[dict[ProfileField, PayloadPath], NotEmpty]


class ActivityMapping(PolicyModel):
    """An event that is an activity of a lead."""

    becomes: Literal["activity"]
    type: ActivityType
    who: Who
    occurred_at: PayloadPath | None = None
    fields: dict[str, PayloadPath] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        _check_targets(self.fields, _ACTIVITY_FIELDS)
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


EventMapping = Annotated[LeadMapping | ActivityMapping | FollowupMapping, Discriminator("becomes")]


class StandardWebhooksSource(_SignedSource):
    """Sends and signs as standardwebhooks.com has it.

    `type_at` is where a payload says which event it is; `events` says what each becomes. Those in
    `ignore` are answered and forgotten, any other is kept as not understood.
    """

    kind: Literal["standard_webhooks"]
    type_at: PayloadPath = "type"
    events: Annotated[dict[Text, EventMapping], NotEmpty]
    ignore: tuple[Text, ...] = ()


class TypeformAnswer(PolicyModel):
    """Which answer of a form goes into which field.

    It is named by one of: the question's `ref`, `title` or `type`, or the `hidden` field's name.
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


class TypeformSource(_SignedSource):
    """Sends Typeform's form responses."""

    kind: Literal["typeform"]
    answers: Annotated[tuple[TypeformAnswer, ...], Field(max_length=500), NotEmpty]


Source = ApiSource | StandardWebhooksSource | TypeformSource


class Sources(PolicyModel):
    """All of sources.yaml."""

    sources: Annotated[dict[Id, Annotated[Source, Discriminator("kind")]], NotEmpty]
