"""Sources of which the bundle alone can say what their events mean."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, model_validator

from baton.events import ActivityType, FollowupType, LeadActivity, LeadFollowup
from baton.policy.model import Elapsed, NotEmpty, PolicyModel, Text
from baton.policy.problems import Fault, FaultsError, did_you_mean
from ingest.policy.fields import HeaderName, PayloadPath, ProfileField, SignedParts
from ingest.policy.source import SignedSource

_SET_BY_BATON = frozenset(
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
_ACTIVITY_FIELDS = tuple(name for name in LeadActivity.model_fields if name not in _SET_BY_BATON)
_FOLLOWUP_FIELDS = tuple(name for name in LeadFollowup.model_fields if name not in _SET_BY_BATON)


class PersonPaths(PolicyModel):
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
    who: PersonPaths
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
    who: PersonPaths
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
    who: PersonPaths
    occurred_at: PayloadPath | None = None


EventMapping = Annotated[
    LeadMapping | ActivityMapping | FollowupMapping | ErasureMapping, Discriminator("becomes")
]


class MappedSource(SignedSource):
    """A source whose payloads only the bundle explains. `type_at` is the path of the event type in
    a payload; `events` says what each type becomes. Types in `ignore` are answered and dropped. Any
    other type is stored as a failed delivery.
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
