"""One seed, from empty topics to the verdict."""

import asyncio
import random
import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from uuid import UUID

import httpx
from aiokafka import ConsumerRecord

from baton import kafka
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_local.services import SERVICES
from baton_local.stack import Stack
from tests.chaos import barred, hearing
from tests.chaos.checker.evidence import Evidence, Violation, gather
from tests.chaos.checker.records import Found, read_all
from tests.chaos.checker.scrape import scrape
from tests.chaos.checker.seen import Seen
from tests.chaos.checker.told import Apis, Letter, Replayed
from tests.chaos.checker.verdict import verdict
from tests.chaos.clients import Clients
from tests.chaos.deployment import GENEROUS, Deployment, deployed
from tests.chaos.faults import Faults, Say
from tests.chaos.outages import outage
from tests.chaos.overlaps import overlap
from tests.chaos.quiet import NotQuietError, quiet, still_ends
from tests.chaos.schedule import Fault, Freeze, Kill, LateRaise, Outage, Overlap, Storm, schedule
from tests.chaos.storms import USERS, storm
from tests.chaos.wire import Wire
from tests.chaos.workload import enquiries
from tests.e2e.deployment import POLICY

NO_END = "it does not come to its end"

_BETWEEN_SCENES = 0.5
_GATHERINGS = 5
_SLOWER = 5
"""The rate of leads is so many times lower between scenes."""


@dataclass(frozen=True, slots=True)
class Size:
    """`leads` at least, `rate` of them a second. `short`: fewer faults.

    People, reps and the wire take `pauses` times as long as they otherwise would.
    """

    leads: int = 3000
    rate: float = 50
    short: bool = False
    pauses: float = 1.0


SHORT = Size(leads=200, rate=15, short=True, pauses=0.4)


@dataclass
class Result:
    """What a seed came to."""

    seed: int
    violations: Sequence[Violation]
    evidence: Evidence | None
    seen: Seen
    events: Sequence[str]
    seconds: float

    @property
    def judged(self) -> bool:
        """Whether it came to its end, be it that it did not come to rest."""
        return NO_END not in {violation.rule for violation in self.violations}


@dataclass
class Run:
    """A seed on a deployment."""

    seed: int
    size: Size
    deployment: Deployment
    say: Say
    seen: Seen
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    failures: list[BaseException] = field(default_factory=list)
    under_fire: bool = False
    sending: asyncio.Event = field(default_factory=asyncio.Event)

    async def go(self) -> tuple[Sequence[Violation], Evidence | None]:
        """Load it under fire, let it come to rest, judge."""
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(self._http())
            await self._under_fire(http)
            try:
                await quiet(self.deployment, self.say)
                await barred.mend(self.deployment, self.seen.barred)
                apis = self._apis(http)
                replayed = await _replay(apis)
                self.say(f"{len(replayed)} dead letters replayed")
                evidence = await self._at_rest(http, apis, replayed)
            except NotQuietError as error:
                return [Violation("it does not come to rest", str(error))], None
            self.say(f"{len(evidence.captured)} leads, {len(evidence.records)} records: judging")
            return verdict(evidence), evidence

    async def _at_rest(
        self, http: httpx.AsyncClient, apis: Apis, replayed: Sequence[Replayed]
    ) -> Evidence:
        """The evidence of one moment: where a promise's time came while it was gathered, anew."""
        for _ in range(_GATHERINGS):
            ends = await quiet(self.deployment, self.say)
            self.say("quiet")
            evidence = await self._evidence(http, apis, replayed)
            if await still_ends(self.deployment, ends):
                return evidence
            self.say("the topics went on while the evidence was gathered: once more")
        raise NotQuietError("the topics go on for as long as the evidence takes to gather")

    def _http(self) -> httpx.AsyncClient:
        token = self.deployment.alone.token
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
            limits=httpx.Limits(max_connections=300, keepalive_expiry=20),
        )

    async def _under_fire(self, http: httpx.AsyncClient) -> None:
        settings = self.deployment.kafka
        clients = Clients(
            self.deployment,
            http,
            self.seen,
            self._chance("clients"),
            self.sending,
            self.size.pauses,
        )
        producer = kafka.producer(settings)
        await producer.start()
        wire = Wire(settings, producer, self.seen, self._chance("wire"), self.size.pauses)

        def hear(topic: str, record: ConsumerRecord) -> None:
            routed = hearing.routed(topic, record)
            if routed is not None:
                self._begin(clients.react(routed))
            if wire.wants():
                self._begin(wire.disturb(topic, record))

        self.sending.set()
        listening = asyncio.create_task(hearing.hear_all(settings, hear))
        firing = asyncio.create_task(self._fire())
        try:
            await self._load(clients, firing)
            await firing
            while self.tasks:
                await asyncio.wait(self.tasks)
        finally:
            listening.cancel()
            firing.cancel()
            await asyncio.gather(listening, firing, return_exceptions=True)
            await producer.stop()
        if self.failures:
            raise ExceptionGroup("clients failed", self.failures)  # type: ignore[type-var]  # none is cancelled

    async def _load(self, clients: Clients, firing: "asyncio.Task[None]") -> None:
        """As many leads as asked for, and as long as there are faults.

        While a scene is waited for there are fewer, so that a slow machine gets no more of them.
        """
        begun = at = time.monotonic()
        for enquiry in enquiries(self.seed):
            if enquiry.number > self.size.leads and firing.done():
                break
            slowly = not self.under_fire and not firing.done()
            at += (_SLOWER if slowly else 1) / self.size.rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            await clients.have_room()
            self._begin(clients.live(enquiry))
        self.say(f"{enquiry.number - 1} enquiries in {time.monotonic() - begun:.0f} s")

    async def _fire(self) -> None:
        faults = Faults(self.deployment, self._chance("moments"), self.say)
        for scene in schedule(self.seed, short=self.size.short):
            await asyncio.sleep(_BETWEEN_SCENES)
            await asyncio.to_thread(self._up)
            self.say(f"scene: {scene.name}")
            self.under_fire = True
            async with asyncio.TaskGroup() as group:
                for fault in scene.faults:
                    group.create_task(self._befall(faults, fault))
            self.under_fire = False

    def _up(self) -> None:
        names = (process.name for process in self.deployment.processes)
        self.deployment.stack.wait_ready(*names, timeout_s=GENEROUS)

    async def _befall(self, faults: Faults, fault: Fault) -> None:
        match fault:
            case Kill():
                await faults.kill(fault)
            case Freeze():
                await faults.freeze(fault)
            case LateRaise():
                await faults.raise_late(fault)
            case Storm():
                await storm(self.deployment.kafka, fault)
            case Outage():
                await outage(self.deployment, faults, fault, self.say)
            case Overlap():
                await overlap(self.deployment, faults, self.sending, fault, self.say)

    def _begin(self, work: hearing.Work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    def _chance(self, of: str) -> random.Random:
        return random.Random(f"{of} {self.seed}")  # noqa: S311 - to be repeated, not to be secret

    def _apis(self, http: httpx.AsyncClient) -> Apis:
        urls = {
            service: [
                self.deployment.url(process)
                for process in self.deployment.processes
                if process.service == service
            ]
            for service in SERVICES
        }
        return Apis(http, urls)

    async def _evidence(
        self, http: httpx.AsyncClient, apis: Apis, replayed: Sequence[Replayed]
    ) -> Evidence:
        settings = self.deployment.kafka
        records: Sequence[Found] = await read_all(
            settings.kafka_bootstrap_servers, settings.topic_prefix
        )
        scrapes = {
            process.name: await scrape(
                http, self.deployment.url(process), intake=process.service == "ingest"
            )
            for process in self.deployment.processes
        }
        evidence = await gather(apis, self.seen, records, replayed, scrapes, SERVICES)
        return replace(evidence, users=USERS)


async def _replay(apis: Apis) -> list[Replayed]:
    """Every dead letter; those of one lead in the order in which they failed."""
    lines: defaultdict[tuple[str, UUID], list[Letter]] = defaultdict(list)
    for service in SERVICES:
        for letter in sorted(await apis.letters(service), key=lambda letter: letter.failed_at):
            lines[service, letter.lead_id or letter.id].append(letter)

    async def replay(service: str, letters: Sequence[Letter]) -> list[Replayed]:
        return [await apis.replay(service, letter) for letter in letters]

    done = await asyncio.gather(*(replay(service, some) for (service, _), some in lines.items()))
    return [each for some in done for each in some]


def run(stack: Stack, seed: int, size: Size, leave_out: Sequence[str], say: Say) -> Result:
    """Run a seed on the servers, in a deployment of its own."""
    begun = time.monotonic()
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(f"{time.monotonic() - begun:6.1f} s  {text}")
        say(told[-1])

    with deployed(stack, leave_out) as deployment:
        bundle = Bundle.read(POLICY, policy_sections())
        id_key = deployment.alone.told["BATON_ID_KEY"].encode()
        seen = Seen(seed=seed, barred=barred.choose(seed, id_key, bundle))
        violations: Sequence[Violation]
        try:
            deployment.alone.activate(bundle)
            deployment.start()
            asyncio.run(barred.bar(deployment, seen.barred))
            tell("the processes are ready")
            one = Run(seed, size, deployment, tell, seen)
            violations, evidence = asyncio.run(one.go())
        except Exception:  # noqa: BLE001 - a process that hangs, an API that answers 500: a finding too
            why = traceback.format_exc(limit=-3)
            violations, evidence = [Violation(NO_END, why)], None
    return Result(seed, violations, evidence, seen, told, time.monotonic() - begun)
