"""What was answered to clients holds."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.records import Found
from tests.chaos.checker.seen import Kind, Outcome, Sent

_TOPICS = {
    Kind.LEAD: "lead-captured",
    Kind.ACTIVITY: "lead-activity",
    Kind.FOLLOWUP: "lead-followup",
}


def check(evidence: Evidence) -> Iterator[Violation]:
    """Accepted: there, once. Refused: not there. Unknown: there once, or not at all."""
    there = {(event.topic, event.id): event for event in evidence.events}
    captured: defaultdict[str, list[Found]] = defaultdict(list)
    for event in evidence.events:
        if event.topic == "lead-captured":
            captured[event.data["profile"]["contact"]["email"]].append(event)
    enquiries: defaultdict[str, list[Sent]] = defaultdict(list)
    for sent in evidence.seen.sent:
        if sent.kind is Kind.LEAD:
            enquiries[sent.email].append(sent)
        yield from _of_an_answer(sent, there)
        yield from _of_a_command(sent, evidence)
    for email, all_sent in enquiries.items():
        yield from _of_a_person(email, all_sent, captured[email])
    strangers = captured.keys() - enquiries.keys()
    for email in strangers:
        yield Violation("a lead that nobody sent", email)


def _of_an_answer(sent: Sent, there: Mapping[tuple[str, UUID], Found]) -> Iterator[Violation]:
    if sent.outcome is not Outcome.ACCEPTED or sent.kind not in _TOPICS:
        return
    what = f"{sent.kind} of {sent.email}"
    if len(set(sent.answers)) != 1:
        yield Violation("one delivery was answered with several ids", what)
    for answer in sent.answers:
        event = there.get((_TOPICS[sent.kind], answer.event_id))
        if event is None:
            yield Violation("accepted and lost", f"{what}: event {answer.event_id}")
        elif event.lead_id != answer.lead_id:
            yield Violation("answered with another lead's id", f"{what}: {answer.lead_id}")


def _of_a_person(email: str, sent: list[Sent], captured: list[Found]) -> Iterator[Violation]:
    if len({event.lead_id for event in captured}) > 1:
        yield Violation("one person became two leads", email)
    accepted = sum(each.outcome is Outcome.ACCEPTED for each in sent)
    unknown = sum(each.outcome is Outcome.UNKNOWN for each in sent)
    if not accepted <= len(captured) <= accepted + unknown:
        yield Violation(
            "an enquiry took place twice, or not at all, or though it was refused",
            f"{email}: {accepted} accepted, {unknown} unknown, {len(captured)} on the topic",
        )


def _of_a_command(sent: Sent, evidence: Evidence) -> Iterator[Violation]:
    if sent.kind not in {Kind.ACCEPT, Kind.DECLINE} or sent.outcome is not Outcome.ACCEPTED:
        return
    owned = evidence.ownerships.get(sent.lead_id) if sent.lead_id else None
    ids = _going_on(sent, evidence)
    found = [a for a in owned.assignments if a.id in ids] if owned else []
    done = (
        any(a.accepted_at is not None for a in found)
        if sent.kind is Kind.ACCEPT
        else any(a.ended_code == "declined" for a in found)
    )
    if not done:
        yield Violation(
            "a rep was told that it is done, and it is not", f"{sent.kind} {sent.email}"
        )


def _going_on(sent: Sent, evidence: Evidence) -> set[UUID]:
    """The assignment that a rep named, and those by which the same rep goes on with the lead."""
    if sent.lead_id is None or sent.assignment_id is None:
        return set()
    following = {
        UUID(event.data["previous_assignment"]): UUID(event.data["assignment_id"])
        for event in evidence.of(sent.lead_id, "lead-routed")
        if event.data.get("change") in {"renewed", "returned"}
    }
    ids, id_ = {sent.assignment_id}, sent.assignment_id
    while (id_ := following.get(id_, id_)) not in ids:
        ids.add(id_)
    return ids
