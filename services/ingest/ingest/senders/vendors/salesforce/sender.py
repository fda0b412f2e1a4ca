"""Salesforce, which can't sign: a secret goes into the address, or, of a relay, into a header.

One source takes outbound messages (SOAP) and change events (JSON): the ids of its records are the
same in both. What `messages` and `changes` say of each is told there.
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
    """What each notification or change tells. Raises NotUnderstoodError."""
    if delivery.media_type in _XML:
        return messages.read(source, delivery.body)
    return changes.read(source, json_of(delivery))


def answer(delivery: Delivery, results: Sequence[JsonValue]) -> Reply:
    """The Ack of an outbound message: all is safe, or kept for the mapping to be mended."""
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
            "Setup, Outbound Messages, object Lead, Contact or Opportunity: the address with "
            "`?token=` and the secret, and the fields; then a flow that sends it. Change events "
            "come by a relay (from the Pub/Sub API) that posts them with `Authorization: Bearer` "
            "and the secret; they tell what has changed, messages only what is. "
            "So the same `Status` of a record is told once in the 22 days for which an event is "
            "known again. Where leads are recycled and worked once more, a field with date and "
            "time must be among those sent that a flow sets whenever `Status` changes; name it in "
            "the source as `status_since`. (`LastModifiedDate` does not do: it changes with "
            "whatever is written into the record.)"
        ),
        sends="SOAP with up to a hundred notifications, or change events in JSON.",
        becomes=(
            "A notification about a lead or contact, and the creation of one, is a lead, with its "
            "standard fields; `fields` places those of your own. Follow-ups are: conversion, "
            "merging, deletion, a new owner, a new, won or lost opportunity, meetings and calls "
            "(Event, Task), and what `outcomes` says of `Status`, `StageName` and "
            "`CallDisposition`. `reps` by the user's id. A change of anything else is passed over."
        ),
        retries="Outbound messages for a day until there is an `Ack`, which is sent with 200.",
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
