"""The edge of an ingest process, as its clients and its topics see it."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg
import httpx
from aiokafka import TopicPartition
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from baton import cloudevents, database, kafka, migrations
from baton.cloudevents import Event
from baton.events import EventData
from baton.policy.bundle import Bundle
from baton.runtime.status import Status
from baton.service import Task, application
from baton.topics import Topic
from baton.tracing import Tracing
from ingest.composition import WRITES, compose
from ingest.features.quiet_sources.arrivals import ArrivalLog
from ingest.metrics import IngestMetrics
from ingest.publish.circuit import Circuit
from ingest.service import MANIFEST
from ingest.settings import Settings
from ingest.supervision import Supervisor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOKEN = "token-of-the-tests"
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=10), timedelta(milliseconds=100)
HOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
SHOP_SECRET = "a secret of the shop"
FORM_SECRET = "another secret of the tests"

FILES = {
    "definitions.yaml": """\
custom_fields:
  - {name: seats, label: Seats, type: integer, personal: false}
campaigns:
  - {name: Spring fair, when: {field: campaign.utm_campaign, matches: ^spring}}
  - {name: Ads, when: {field: campaign.click_id, exists: true}}
test_leads:
  - {id: qa, label: Our own testers, when: {field: contact.email, contains: '@qa.example.com'}}
quarantine:
  - id: spam
    label: Spam
    when:
      any:
        - {field: request.message, contains: casino}
        - {field: contact.email_kind, equals: disposable}
  - {id: own-staff, label: Our own, when: {field: contact.email, contains: '@ours.example.com'}}
grades:
  - {id: A, label: Good}
  - {id: B, label: Fair}
stages:
  prospect: {label: Reachable, when: {field: contact.email, exists: true}}
  lead: {label: Fits, when: {field: score.fit, at_least: 20}}
  mql: {label: Ready for sales, when: {field: score.total, at_least: 50}}
reasons:
  - {code: not-mine, label: Not mine, then: reroute}
  - {code: spam, label: Spam, then: disqualified}
""",
    "sources.yaml": """\
sources:
  website: {label: Website, kind: api, brand: main, default_country: DE, retry_horizon: 1h}
  crm: {label: CRM, kind: api, brand: main, default_country: DE}
  outlet: {label: Outlet, kind: api, brand: second}
  hooks:
    label: A system in the house
    kind: standard_webhooks
    brand: main
    secret_env: [HOOKS_SECRET]
    events:
      form.submitted:
        becomes: lead
        fields:
          external_id: data.id
          contact.email: data.email
          contact.phone: data.phone
          company.employees: data.employees
          custom.seats: data.seats
          consent.status: data.consent
      page.viewed:
        becomes: activity
        type: page_viewed
        who: {email: data.email}
        fields: {subject: data.url}
      call.completed:
        becomes: followup
        type: contacted
        who: {email: data.email, external_id: data.id}
        occurred_at: data.at
        fields: {rep: data.agent}
        constants: {channel: phone}
    ignore: [ping]
  rotating:
    label: A system whose secret is being changed
    kind: standard_webhooks
    brand: main
    secret_env: [OLD_SECRET, HOOKS_SECRET]
    events:
      form.submitted: {becomes: lead, fields: {contact.email: data.email}}
  shop:
    label: A shop that signs where it sends to
    kind: generic
    brand: main
    secret_env: [SHOP_SECRET]
    signs:
      by: hmac
      header: x-shop-signature
      over: "{method}{url}{body}{time}"
      written: base64
      time: x-shop-time
      time_as: milliseconds
    items_at: events
    type_at: kind
    delivery_id_at: id
    events:
      enquiry:
        becomes: lead
        occurred_at: at
        fields: {contact.email: who.email, company.name: account.name, custom.seats: seats}
        constants: {request.form_name: Shop}
      visit:
        becomes: activity
        type: page_viewed
        who: {email: who.email}
        fields: {subject: page}
      forget: {becomes: erasure, occurred_at: at, who: {email: who.email}}
    ignore: [ping]
  legacy:
    label: A system that can only fill in forms
    kind: generic
    brand: main
    secret_env: [LEGACY_SECRET]
    signs: {by: token, parameter: key}
    events:
      enquiry: {becomes: lead, fields: {contact.email: mail, request.message: text}}
  forms:
    label: Forms
    kind: typeform
    brand: main
    secret_env: [FORMS_SECRET]
    answers:
      - {to: contact.first_name, title: What is your first name?}
      - {to: consent.status, type: legal}
      - {to: company.name, ref: company}
      - {to: custom.seats, hidden: seats}
""",
    "tests.yaml": "tests: []\n",
}


@dataclass(slots=True)
class Policy:
    """What the feed of a process would have heard."""

    bundle: Bundle | None

    def in_force(self, now: datetime) -> Bundle | None:
        return self.bundle


@dataclass(slots=True)
class Clock:
    """A clock that a test sets."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Process:
    """The edge of a process, as its clients see it, and what it works with."""

    app: FastAPI
    http: httpx.AsyncClient
    pool: asyncpg.Pool
    circuit: Circuit
    hearing: ArrivalLog
    registry: CollectorRegistry
    settings: Settings
    policy: Policy
    clock: Clock
    environment: dict[str, str] = field(default_factory=dict)

    async def events(self, topic: Topic) -> list[Event[EventData]]:
        """Everything that the topic has."""
        return [
            cloudevents.decode(record.key, record.value, record.headers)
            for record in await _records(self.settings, topic)
        ]

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 where it has none yet."""
        return self.registry.get_sample_value(name, labels) or 0


def deployed(kafka_bootstrap: str, database_url: str, topic_prefix: str) -> Settings:
    """The settings of a deployment whose tables and topics have been made."""
    settings = Settings.model_validate(
        {
            "kafka_bootstrap_servers": kafka_bootstrap,
            "topic_prefix": topic_prefix,
            "partitions": 3,
            "database_url": database_url,
            "api_token": TOKEN,
            "id_key": "an id key of the tests, long enough",
            "body_limit": 20_000,
            "webhooks_url": "https://ingest.example.com/hooks/",
        }
    )
    migrations.upgrade(settings, "ingest", Path(__file__).parents[1] / "migrations")

    async def apply_topics() -> None:
        await kafka.apply_topics(settings, WRITES)

    asyncio.run(apply_topics())
    return settings


@asynccontextmanager
async def running(
    settings: Settings,
    bundle: Bundle,
    *,
    without: str | None = None,
    clock: Clock | None = None,
    beside: Mapping[str, Callable[[], Coroutine[None, None, None]]] = MappingProxyType({}),
) -> AsyncIterator[Process]:
    """The edge of a process, without one of its tasks, with others `beside` them.

    Its Kafka may be away.
    """
    registry, clock, policy = CollectorRegistry(), clock or Clock(), Policy(bundle)
    environment = {
        "HOOKS_SECRET": HOOK_SECRET,
        "FORMS_SECRET": FORM_SECRET,
        "SHOP_SECRET": SHOP_SECRET,
        "LEGACY_SECRET": "legacy secret",
    }
    tracing = Tracing("ingest")
    pool = await database.pool(settings, "ingest", settings.times)
    status = Status()
    metrics = IngestMetrics(registry)
    parts = compose(settings, pool, policy, environment, metrics, status, clock)
    supervisor = Supervisor(
        asyncio.Event(), status, metrics.task_failures, SHORTEST_PAUSE, LONGEST_PAUSE
    )
    app = application(
        MANIFEST,
        TOKEN,
        MANIFEST.routers(parts.handlers),
        status=Status(),
        degraded=status,
        registry=registry,
        tracing=tracing,
    )
    tasks = [
        asyncio.create_task(supervisor.supervise(Task(name, work)).work(), name=name)
        for name, work in {**parts.tasks, **beside}.items()
        if name != without
    ]
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ingest", headers=headers
        ) as http:
            yield Process(
                app,
                http,
                pool,
                parts.circuit,
                parts.hearing,
                registry,
                settings,
                policy,
                clock,
                environment,
            )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        pool.terminate()
        tracing.close()


def hook_headers(
    body: bytes,
    *,
    id_: str = "msg_1",
    at: datetime = NOW,
    secret: str = HOOK_SECRET,
) -> dict[str, str]:
    """The headers of a Standard Webhooks delivery."""
    seconds = str(int(at.timestamp()))
    signed = b".".join([id_.encode(), seconds.encode(), body])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def shop_headers(
    body: bytes,
    *,
    method: str = "POST",
    url: str = "https://ingest.example.com/hooks/shop",
    at: datetime = NOW,
) -> dict[str, str]:
    """The headers of a delivery of the shop, which signs all that it can."""
    time = str(int(at.timestamp() * 1000))
    signed = method.encode() + url.encode() + body + time.encode()
    digest = hmac.new(SHOP_SECRET.encode(), signed, hashlib.sha256).digest()
    return {"X-Shop-Signature": base64.b64encode(digest).decode(), "X-Shop-Time": time}


def form_headers(body: bytes) -> dict[str, str]:
    """The headers of a Typeform delivery."""
    digest = hmac.new(FORM_SECRET.encode(), body, hashlib.sha256).digest()
    return {"Typeform-Signature": f"sha256={base64.b64encode(digest).decode()}"}


async def _records(settings: Settings, topic: Topic) -> list[Any]:
    consumer = kafka.reader(settings, settings.times)
    await consumer.start()
    try:
        name = kafka.topic_name(settings, topic)
        count = kafka.partition_count(settings, topic)
        partitions = [TopicPartition(name, n) for n in range(count)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        for partition in partitions:
            consumer.seek(partition, 0)
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            for batch in (await consumer.getmany(timeout_ms=1_000)).values():
                found += batch
        return found
    finally:
        await consumer.stop()


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so; fails after a generous time."""
    async with asyncio.timeout(60):
        while not await check():  # noqa: ASYNC110 - what is looked at is in other processes
            await asyncio.sleep(0.05)
