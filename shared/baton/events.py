"""Every event that Baton puts on a topic: the public contract between the services and with others.

Each class is the `data` of one CloudEvents type. A reader ignores fields that it does not know, so
a field may be added if it has a default; anything else is a new type (`...v2`). Times are UTC.
`occurred_at` is when the fact happened in the world, `ce_time` when Baton learnt or decided it.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from baton import topics
from baton.subjects import Subject
from baton.topics import Topic
from baton.values import Count, GrowingEnum, Json, Moment, Name, Ordinal, Points, Text

Scalar = str | int | float | bool | None


class Model(BaseModel):
    """A frozen part of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class EventData(Model):
    """The data of one event type."""

    event_type: ClassVar[str]
    topic: ClassVar[Topic]


class SubjectEvent(EventData):
    """Something about one subject, whose id is the record's key and the CloudEvents subject."""

    if TYPE_CHECKING:
        # Each kind's base class has it at its own place among the fields, which the documents give.
        occurred_at: Moment

    @property
    def about(self) -> Subject:
        """The subject. Each kind of subject has a base class of its own, which says it."""
        raise NotImplementedError


class LeadEvent(SubjectEvent):
    """Something about one lead; `lead_id` is the record's key and the CloudEvents subject."""

    lead_id: UUID
    occurred_at: Moment

    @property
    def about(self) -> Subject:
        """The lead."""
        return Subject.lead(self.lead_id)


# --- what is known of a person and an enquiry


class ConsentStatus(StrEnum):
    """Whether the person agreed to be contacted by marketing."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class EmailKind(GrowingEnum):
    """The kind of an address, by lists of known mail providers. `invalid`: the address breaks the
    rules for addresses, so no mail can be sent to it.
    """

    BUSINESS = "business"
    FREE = "free"
    DISPOSABLE = "disposable"
    INVALID = "invalid"


class Contact(Model):
    """The person. `phone` is E.164 where that could be worked out, else as sent."""

    email: Name | None = None
    email_kind: EmailKind | None = Field(
        None,
        description="kind of the address; null without an email",
    )
    phone: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    job_title: Name | None = None
    country: Name | None = Field(None, description="ISO 3166-1 alpha-2 where known")
    region: Name | None = None
    language: Name | None = Field(None, description="ISO 639-1 where known")


class Company(Model):
    """Where the person works."""

    name: Name | None = None
    domain: Name | None = Field(None, description="the registered one, in ASCII, where known")
    industry: Name | None = None
    employees: Count | None = None
    country: Name | None = Field(None, description="ISO 3166-1 alpha-2 where known")


class Campaign(Model):
    """The campaign that brought the person."""

    name: Name | None = None
    utm_source: Name | None = None
    utm_medium: Name | None = None
    utm_campaign: Name | None = None
    utm_term: Name | None = None
    utm_content: Name | None = None
    click_id: Name | None = None
    click_id_kind: Name | None = Field(
        None, description="the parameter that contained it: gclid, fbclid, ..."
    )
    landing_url: Text | None = None
    referrer: Text | None = None


class Consent(Model):
    """The agreement as it was given."""

    status: ConsentStatus = ConsentStatus.UNKNOWN
    text: Text | None = None
    at: Moment | None = None


class Request(Model):
    """The request of the person."""

    form_id: Name | None = None
    form_name: Name | None = None
    product: Name | None = None
    message: Text | None = None


class Profile(Model):
    """The profile of a lead. It has the same form in `lead.captured`, `lead.scored` and
    `lead.routed`.
    """

    brand: Name
    source: Name
    external_id: Name | None = None
    contact: Contact = Contact()
    company: Company = Company()
    campaign: Campaign = Campaign()
    consent: Consent = Consent()
    request: Request = Request()
    custom: dict[str, Scalar] = Field(
        default_factory=dict,
        description="the custom fields that the bundle declares",
    )


class Reason(Model):
    """Why something was decided: a rule or criterion, and what it saw.

    `matched` is null where a missing field left the answer unknown.
    """

    code: Name
    label: Text
    matched: bool | None
    field: Name | None = None
    value: Json = None
    points: Points | None = None


# --- what is known of a lead at sales


class Stage(StrEnum):
    """Where a lead stands between marketing and sales."""

    SUSPECT = "suspect"
    PROSPECT = "prospect"
    LEAD = "lead"
    MQL = "mql"
    SAL = "sal"
    SQL = "sql"
    OPPORTUNITY = "opportunity"
    CUSTOMER = "customer"
    NURTURE = "nurture"
    DISQUALIFIED = "disqualified"


class FollowupType(GrowingEnum):
    """The kind of a follow-up by the rep or the CRM."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    REJECTED = "rejected"
    ATTEMPTED = "attempted"
    CONTACTED = "contacted"
    MEETING_BOOKED = "meeting_booked"
    MEETING_HELD = "meeting_held"
    MEETING_MISSED = "meeting_missed"
    MEETING_MOVED = "meeting_moved"
    DISPOSITION = "disposition"
    OPPORTUNITY = "opportunity"
    WON = "won"
    LOST = "lost"
    CLAIMED = "claimed"
    OWNER_CHANGED = "owner_changed"
    CONVERTED = "converted"
    MERGED = "merged"
    DELETED = "deleted"
    NOTE = "note"
    COMPLAINT = "complaint"


Amount = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,6})?$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Outcome(Model):
    """The history of a lead at sales from before Baton knew it."""

    type: FollowupType
    occurred_at: Moment
    reason: Name | None = Field(None, description="a code of the bundle's table of reasons")
    amount: Amount | None = Field(None, description="a decimal number as text")
    currency: Currency | None = Field(None, description="ISO 4217")


class History(Model):
    """How a lead stood when it was imported from where sales had it before.

    It says what is, and asks for nothing: nobody is given the lead, and nobody promises anything.
    """

    owner: Name | None = Field(None, description="id of the rep who owns the lead")
    stage: Stage | None = Field(
        None,
        description="if null, the stage follows from the outcomes, or from the bundle up to `lead`",
    )
    outcomes: tuple[Outcome, ...] = Field((), max_length=50)


# --- lead-captured, lead-activity


class LeadCaptured(LeadEvent):
    """A person left an enquiry."""

    event_type: ClassVar[str] = "baton.lead.captured.v1"
    topic: ClassVar[Topic] = topics.LEAD_CAPTURED

    received_at: Moment
    delivery_id: Name | None = None
    profile: Profile
    answers: dict[str, Json] = Field(
        default_factory=dict,
        description="other fields of the sender, as sent",
    )
    as_sent: dict[str, Text] = Field(
        default_factory=dict,
        description="values as they were sent, by the path of the profile field that has another "
        "notation",
    )
    test: bool = Field(
        default=False,
        description="whether this is a test lead: it is never routed or counted",
    )
    test_mark: Name | None = Field(
        None,
        description="how the test lead was recognised: declared, vendor, or the id of a rule",
    )
    history: History | None = Field(
        None, description="the history of a lead that sales had before; such an event is no enquiry"
    )


class ActivityType(GrowingEnum):
    """The kind of an activity of a person."""

    PAGE_VIEWED = "page_viewed"
    MAIL_DELIVERED = "mail_delivered"
    MAIL_OPENED = "mail_opened"
    MAIL_CLICKED = "mail_clicked"
    WEBINAR_REGISTERED = "webinar_registered"
    WEBINAR_ATTENDED = "webinar_attended"
    CONTENT_DOWNLOADED = "content_downloaded"
    TRIAL_STARTED = "trial_started"
    UNSUBSCRIBED = "unsubscribed"
    OTHER = "other"


class LeadActivity(LeadEvent):
    """A person engaged with us."""

    event_type: ClassVar[str] = "baton.lead.activity.v1"
    topic: ClassVar[Topic] = topics.LEAD_ACTIVITY

    source: Name
    received_at: Moment
    type: ActivityType
    subject: Text | None = Field(None, description="the page, mail, webinar or content")
    bot: bool = Field(default=False, description="whether a scanner did it, and not the person")
    bot_mark: Name | None = Field(
        None,
        description="how the bot was recognised: declared, vendor, user-agent, or a rule's id in "
        "the bundle",
    )
    answers: dict[str, Json] = Field(default_factory=dict)


# --- lead-scored


class Score(Model):
    """Points are integers. `total` is `fit` plus `engagement`; the grade is the bundle's."""

    fit: Points
    engagement: Points
    total: Points
    grade: Name


class LeadScored(LeadEvent):
    """The score of a lead by the criteria of marketing and sales."""

    event_type: ClassVar[str] = "baton.lead.scored.v1"
    topic: ClassVar[Topic] = topics.LEAD_SCORED

    cause: UUID = Field(description="id of the event that caused this decision")
    enquiry: UUID | None = Field(
        description="id of the enquiry: the cause, or else the lead's latest enquiry"
    )
    new_enquiry: bool = Field(
        description="whether the cause is a new enquiry (`lead.captured` without history)"
    )
    score: Score
    stage_before: Stage | None
    stage: Stage
    reasons: tuple[Reason, ...]
    profile: Profile
    test: bool = False
    history: History | None = Field(None, description="the history of the cause, if it has one")
    qualified_at: Moment | None = Field(
        None,
        description="start of the time in which the lead is qualified: its stage is one "
        "from which leads are routed, it is no test lead, and it was not only imported. If sales "
        "rejected it, the time of the first fact after that which counts. Null if the lead is not "
        "qualified, and in events of older releases",
    )


# --- lead-routed


class Rep(Model):
    """A person of sales."""

    id: Name
    name: Name
    email: Name | None = None


class AssignmentChange(GrowingEnum):
    """The cause of an assignment. `new`: the lead had no owner. `renewed`: the owner keeps the lead
    and must answer a new enquiry; no `lead.released` comes before. `declined`, `breached`: the
    former rep declined the lead, or did not answer in time. `returned`: the breach was wrong, and
    the lead returns to the rep who answered in time. It starts a clock only for an enquiry that
    came after that answer and lost its clock by the breach. `taken`: a rep claimed the lead, or got
    it in the CRM.
    """

    NEW = "new"
    RENEWED = "renewed"
    DECLINED = "declined"
    BREACHED = "breached"
    RETURNED = "returned"
    TAKEN = "taken"


class LeadRouted(LeadEvent):
    """A rep has the lead. `attempt` counts the assignments of one enquiry, from 1."""

    event_type: ClassVar[str] = "baton.lead.routed.v1"
    topic: ClassVar[Topic] = topics.LEAD_ROUTED

    assignment_id: UUID
    decision_id: UUID
    enquiry: UUID | None
    attempt: Ordinal
    rep: Rep
    role: Name
    team: Name
    pool: Name
    rule: Name
    sla_policy: Name
    previous_rep: Name | None = None
    reasons: tuple[Reason, ...]
    score: Score
    stage: Stage
    profile: Profile
    change: AssignmentChange = AssignmentChange.NEW
    previous_assignment: UUID | None = Field(
        None,
        description="the assignment that this one follows: the one that it continues "
        "(`renewed`, `returned`), or the one that ended (`declined`, `breached`, `taken`)",
    )


class LeadUnrouted(LeadEvent):
    """No rep got the lead, and why. Routing tries again at `retry_at`, unless that is null."""

    event_type: ClassVar[str] = "baton.lead.unrouted.v1"
    topic: ClassVar[Topic] = topics.LEAD_ROUTED

    decision_id: UUID
    enquiry: UUID | None
    attempt: Ordinal
    code: Name
    retry_at: Moment | None = None
    reasons: tuple[Reason, ...]
    exclusion: Name | None = Field(
        None,
        description="id of the bundle's exclusion that is the reason; `code` has the same id then. "
        "Null if `code` is one of Baton's own, and in events of older releases",
    )


class ReleaseCode(GrowingEnum):
    """Why a rep no longer has a lead."""

    DECLINED = "declined"
    REJECTED = "rejected"
    BREACHED = "breached"
    OWNER_CHANGED = "owner_changed"
    CLOSED = "closed"
    ERASED = "erased"
    REQUALIFIED = "requalified"
    OWNER_LEFT = "owner_left"
    BREACH_RETRACTED = "breach_retracted"
    RENEWED = "renewed"


class LeadReleased(LeadEvent):
    """A rep no longer has the lead, since `occurred_at`.

    `owner_left`: the rep is no longer in the policy. `breach_retracted`: the lead returns to the
    rep who answered in time; the assignment then counts for nothing, and ended when it began.
    """

    event_type: ClassVar[str] = "baton.lead.released.v1"
    topic: ClassVar[Topic] = topics.LEAD_ROUTED

    assignment_id: UUID
    decision_id: UUID
    rep: Rep
    pool: Name
    code: ReleaseCode
    reason: Name | None = Field(
        None,
        description="the rep's reason, a code of the bundle's table of reasons",
    )


# --- lead-followup


class RecordKind(GrowingEnum):
    """The kind of a record in a sender's system: a person (lead, contact, prospect), ..."""

    PERSON = "person"
    OPPORTUNITY = "opportunity"
    CALL = "call"
    MEETING = "meeting"


class Record(Model):
    """A record in the sender's system that stands for the lead."""

    kind: RecordKind
    id: Name


class LeadFollowup(LeadEvent):
    """A follow-up: what sales reports about a lead. `declined` means 'not my lead', `rejected`
    means 'not a good lead'.
    """

    event_type: ClassVar[str] = "baton.lead.followup.v1"
    topic: ClassVar[Topic] = topics.LEAD_FOLLOWUP

    source: Name
    received_at: Moment
    type: FollowupType
    rep: Name | None = Field(None, description="id of the rep who made the follow-up")
    assignment_id: UUID | None = None
    reason: Name | None = Field(None, description="a code of the bundle's table of reasons")
    channel: Name | None = Field(None, description="phone, mail, meeting, ...")
    disposition: Name | None = None
    note: Text | None = None
    amount: Amount | None = Field(None, description="a decimal number as text")
    currency: Currency | None = Field(None, description="ISO 4217")
    starts_at: Moment | None = Field(None, description="when a meeting begins")
    brand: Name | None = None
    external_id: Name | None = Field(
        None,
        description="the record in the sender's system that the follow-up is about",
    )
    records: tuple[Record, ...] = Field(
        (),
        max_length=20,
        description="other records of the sender that name this lead from now on: the record to "
        "which it was converted, the call, the meeting; for `merged` the surviving record",
    )
    answers: dict[str, Json] = Field(default_factory=dict)


# --- lead-sla


class SlaEvent(LeadEvent):
    """One promise about one lead; `clock_id` is the same for all events of a clock.

    Durations are whole seconds of the clock's calendar (business seconds).
    """

    clock_id: UUID
    assignment_id: UUID | None
    target: Name
    cycle: Ordinal = Field(description="counts the clocks of one target for a lead")
    side: Name = Field(description="the side that made the promise: sales or marketing")
    rep: Name | None
    team: Name | None
    pool: Name | None


class SlaStarted(SlaEvent):
    """A clock runs: the promise is kept if it is met by `due_at`.

    It comes once more after an `sla.retracted`, where a fact that came late has the clock run on.
    `started_at` may be long past: where an answer is read late, a later enquiry has a clock of its
    own only then.
    """

    event_type: ClassVar[str] = "baton.sla.started.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    started_at: Moment
    warn_at: Moment | None
    due_at: Moment
    calendar: Name
    allowed_seconds: Count


class SlaWarned(SlaEvent):
    """The promise is about to be broken."""

    event_type: ClassVar[str] = "baton.sla.warned.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    due_at: Moment
    used_seconds: Count


class SlaMoved(SlaEvent):
    """A clock that runs has another due time: a new enquiry of the lead is to be answered sooner.

    `assignment_id` is the assignment that brought the enquiry.
    """

    event_type: ClassVar[str] = "baton.sla.moved.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    due_before: Moment
    due_at: Moment
    warn_at: Moment | None


class SlaMet(SlaEvent):
    """The promise was kept, by the follow-up `fact`."""

    event_type: ClassVar[str] = "baton.sla.met.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    due_at: Moment
    met_at: Moment
    used_seconds: Count
    fact: UUID


class SlaBreached(SlaEvent):
    """The promise was broken: `due_at` has passed, and every fact up to it has been read.

    `facts_complete` is false where waiting for those facts ran into its bound.
    """

    event_type: ClassVar[str] = "baton.sla.breached.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    due_at: Moment
    used_seconds: Count
    late_seconds: Count
    reassign: bool = Field(description="whether the policy says that the lead goes to another rep")
    facts_complete: bool = True


class SlaRetracted(SlaEvent):
    """The former result of the clock is withdrawn, because of a fact that became known late.
    `answered_in_time`: the breach was wrong, as `fact` shows; `sla.met` follows.
    `answered_earlier`: an earlier follow-up met it; `sla.met` follows. `released`: the assignment
    ended before the due time. `breach_retracted`: the assignment exists only because of a breach
    that was wrong, as `fact` shows. `due_earlier`: a new enquiry was due before the answer.
    `covered`: an earlier clock serves the enquiry too. `erased`: the person was erased.
    """

    event_type: ClassVar[str] = "baton.sla.retracted.v1"
    topic: ClassVar[Topic] = topics.LEAD_SLA

    code: Name
    fact: UUID | None = None


# --- lead-identity


class LeadErased(LeadEvent):
    """All data on the person up to `occurred_at` must go; a later enquiry starts anew."""

    event_type: ClassVar[str] = "baton.lead.erased.v1"
    topic: ClassVar[Topic] = topics.LEAD_IDENTITY

    requested_by: Name
    why: Text


# --- policy


class BundlePublished(EventData):
    """A policy bundle, whole; its key is its hash."""

    event_type: ClassVar[str] = "baton.bundle.published.v1"
    topic: ClassVar[Topic] = topics.POLICY

    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    files: dict[str, str] = Field(description="the text of each file by its path in the bundle")


class PolicyActivated(EventData):
    """From `effective_at` on, decisions follow the bundle `hash`."""

    event_type: ClassVar[str] = "baton.policy.activated.v1"
    topic: ClassVar[Topic] = topics.POLICY

    activation_id: UUID
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    effective_at: Moment
    activated_at: Moment
    by: Name
    why: Text


# --- operations


class OperationsEvent(EventData):
    """Something an operator wants to know; the key and subject is `subject`."""

    subject: Name
    service: Name
    occurred_at: Moment


class SourceQuiet(OperationsEvent):
    """A source is silent against its own usual rhythm."""

    event_type: ClassVar[str] = "baton.source.quiet.v1"
    topic: ClassVar[Topic] = topics.OPERATIONS

    last_seen_at: Moment
    usual_seconds: Count


class DeliveriesWaiting(OperationsEvent):
    """Deliveries of a source tell of people that nobody has captured, and go on waiting for them.

    The subject is the source. It is told once for each delivery that has grown old.
    """

    event_type: ClassVar[str] = "baton.deliveries.waiting.v1"
    topic: ClassVar[Topic] = topics.OPERATIONS

    deliveries: Count = Field(
        description="deliveries that have waited too long since the last event of this type",
    )
    oldest_at: Moment = Field(description="when the oldest of them was received")


class SourceResumed(OperationsEvent):
    """A source that was told of as quiet is heard again, since `occurred_at`."""

    event_type: ClassVar[str] = "baton.source.resumed.v1"
    topic: ClassVar[Topic] = topics.OPERATIONS

    quiet_since: Moment


class BreakerTripped(OperationsEvent):
    """A service stopped, since too much of its input could not be processed."""

    event_type: ClassVar[str] = "baton.breaker.tripped.v1"
    topic: ClassVar[Topic] = topics.OPERATIONS

    dead_letters: Count
    why: Text


class BreakerResumed(OperationsEvent):
    """An operator let the service go on."""

    event_type: ClassVar[str] = "baton.breaker.resumed.v1"
    topic: ClassVar[Topic] = topics.OPERATIONS

    by: Name
    why: Text


# --- dead-letter


class DeadLetter(EventData):
    """An input that a service could not process. `value` is the record's value in base64, or null
    if it does not fit into a record. The service's database has the whole value; `baton
    dead-letters show` prints it.
    """

    event_type: ClassVar[str] = "baton.dead.letter.v1"
    topic: ClassVar[Topic] = topics.DEAD_LETTER

    dead_letter_id: UUID
    service: Name
    kind: Name = Field(description="event, timer or command")
    occurred_at: Moment
    reason: Text
    origin_topic: Name | None = None
    partition: Count | None = None
    offset: Count | None = None
    key: Text | None = None
    headers: dict[str, str] = Field(
        default_factory=dict, description="headers as text; the database has the bytes"
    )
    value: str | None = None


ALL: tuple[type[EventData], ...] = (
    LeadCaptured,
    LeadActivity,
    LeadScored,
    LeadRouted,
    LeadUnrouted,
    LeadReleased,
    LeadFollowup,
    SlaStarted,
    SlaWarned,
    SlaMoved,
    SlaMet,
    SlaBreached,
    SlaRetracted,
    LeadErased,
    BundlePublished,
    PolicyActivated,
    SourceQuiet,
    DeliveriesWaiting,
    SourceResumed,
    BreakerTripped,
    BreakerResumed,
    DeadLetter,
)

BY_TYPE = {data.event_type: data for data in ALL}
