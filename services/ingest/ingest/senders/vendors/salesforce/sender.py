"""Salesforce's outbound messages (SOAP) and change events (JSON), both in one source.

Signing: none. The secret is in the address or, for a relay of change events, in a header. Both
formats have the same record ids. The modules `messages` and `changes` read one format each.
"""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from ingest.policy.vendors import SalesforceSource
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.sender import Example, Guide, Reply, Sender, accepted, signed_by
from ingest.senders.kit.signing import SHOWN
from ingest.senders.vendors.salesforce import changes, messages

_XML = ("text/xml", "application/xml", "application/soap+xml")


def read(source: SalesforceSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The items of each notification or change. Raises NotUnderstoodError."""
    if delivery.media_type in _XML:
        return messages.read(source, delivery.body)
    return changes.read(source, json_of(delivery))


def answer(delivery: Delivery, results: Sequence[JsonValue]) -> Reply:
    """The Ack of an outbound message. It stops the retries, because Baton has stored everything."""
    if delivery.media_type in _XML:
        return Reply(200, messages.ACK.encode(), "text/xml")
    return accepted(delivery, results)


SENDER = Sender(
    kind="salesforce",
    source=SalesforceSource,
    signing=signed_by(*SHOWN),
    reading=read,
    answer=answer,
    guide=Guide(
        name="Salesforce",
        enter=(
            "In Salesforce: Setup, Outbound Messages, object Lead, Contact or "
            "Opportunity. Enter the address with `?token=` and the secret, select "
            "the fields, and add a flow that sends the message. For change events, "
            "run a relay that reads the Pub/Sub API. It posts them with "
            "`Authorization: Bearer` and the secret.\n\nA change event says what "
            "has changed. A message contains the whole record, so the same `Status` "
            "of a record counts once in 22 days. If you recycle leads and work them "
            "again, let a flow write the time of each `Status` change into a "
            "date/time field. Send this field, and name it in the source as "
            "`status_since`. `LastModifiedDate` does not work: every other change "
            "of the record changes it too."
        ),
        sends="SOAP with up to a hundred notifications, or change events in JSON.",
        becomes=(
            "A lead, with its standard fields, for each notification about a lead "
            "or contact and for each new one in a change event. `fields` in the "
            "source maps your own fields. Follow-ups for conversion, merging, "
            "deletion, a new owner, meetings and calls (Event, Task), and new, won "
            "and lost opportunities. Further follow-ups as `outcomes` maps "
            "`Status`, `StageName` and `CallDisposition`. Baton ignores changes of "
            "other fields. `reps` in the source maps the user's id to a rep."
        ),
        retries=(
            "Salesforce sends an outbound message again for a day until it gets an "
            "`Ack`. Baton sends the `Ack` with 200."
        ),
    ),
    example=Example(
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><Notification>'
        '<Id>04l1</Id><sObject xsi:type="sf:Lead"'
        ' xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        "<sf:Id>00Q1</sf:Id><sf:Email>buyer@example.com</sf:Email></sObject></Notification>"
        "</notifications></soapenv:Body></soapenv:Envelope>",
        "text/xml",
    ),
)
