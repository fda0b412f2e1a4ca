"""Outbound messages (SOAP API guide): up to a hundred `Notification`s in one envelope.

A notification has an `Id`, the same for each attempt, and an `sObject` with the selected fields.
Without an `Ack` Salesforce sends all of them again, for a day.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ingest.policy.vendors import SalesforceSource
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import checked
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.payloads import text_at
from ingest.senders.vendors.salesforce import selling
from ingest.senders.vendors.salesforce.people import KNOWN, PEOPLE, of_record, with_person

_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)


def read(source: SalesforceSource, text: bytes) -> Iterator[ItemResult]:
    """The items of each notification. Raises NotUnderstoodError."""
    try:
        envelope = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        name = type(error).__name__
        raise NotUnderstoodError(
            f"the body is not XML, or is XML with a DOCTYPE ({name})"
        ) from error
    found = list(envelope.iter(f"{_OUTBOUND}Notification"))
    if not found:
        raise NotUnderstoodError("the message has no Notification")
    organization = next(envelope.iter(f"{_OUTBOUND}OrganizationId"), None)
    of = None if organization is None else organization.text
    return read_each(found, lambda notification: _read_one(source, notification, of))


def _read_one(
    source: SalesforceSource, notification: Element, organization: str | None
) -> list[ItemResult]:
    id_ = notification.findtext(f"{_OUTBOUND}Id")
    record = notification.find(f"{_OUTBOUND}sObject")
    if record is None or not id_:
        raise NotUnderstoodError("a Notification has no Id or no sObject")
    kind = record.get(_TYPE, "").rpartition(":")[2]
    fields = checked({field.tag.rpartition("}")[2]: field.text for field in record})
    if kind not in KNOWN:
        raise NotUnderstoodError(f"Baton does not know the object '{kind}'")
    draft = FollowupDraft(
        delivery_id=id_,
        external_id=text_at(fields, ("Id",)),
        occurred_at=text_at(fields, ("LastModifiedDate",)),
    )
    values = {
        name: value for name, value in fields.items() if name not in ("Id", "LastModifiedDate")
    }
    if kind == "Opportunity":
        return list(selling.of_opportunity(source, values, draft, new=False))
    if kind not in PEOPLE:
        return list(selling.of_activity(source, kind, values, draft, new=True))
    # The follow-ups come after the lead, because they refer to it.
    done = list(selling.of_person(source, values, draft, changed=False))
    lead = with_person(of_record(draft), source, values)
    return [Item(answered(lead, {"OrganizationId": organization})), *done]
