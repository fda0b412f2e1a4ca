"""Sources of vendors: forms, tools of marketing, tools of sales."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from baton.events import FollowupType
from baton.policy.model import Id, NotEmpty, PolicyModel, Text
from ingest.policy.fields import ProfileField, VariableName
from ingest.policy.source import SignedSource


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
    """A sales tool, which sends follow-ups. `outcomes` maps the values of a vendor's field to
    follow-up types. Values in `ignore` are skipped; an empty list skips all values of the field.
    `reps` maps the vendor's user ids or addresses to ids of reps.
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
