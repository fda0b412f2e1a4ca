"""What becomes of the catch-up of each consumer when the tables have many more leads in them."""

from collections.abc import AsyncIterator
from uuid import UUID

from baton_cli.service import ROUTING, SCORING, Service
from tests.bench import leads, population
from tests.bench.catching_up import ORDER, CaughtUp, catch_up
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Aim, Figure, Unit
from tests.bench.load import send_at_once
from tests.bench.positions import settled
from tests.bench.setting import Setting
from tests.bench.ways import ACCEPTED, ByHttp, client

AIMS = {f"{service}: growth of an event's time": Aim(less_than=30) for service in ORDER}

_AT_ONCE = 16


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """A backlog of enquiries, half of them by known people, with few leads and with many."""
    sizes = setting.sizes
    async with deployed(setting.stack, setting.profiles) as deployment:
        setting.say(f"  a sample of {sizes.sample:,} leads goes through the services")
        await make_sample(deployment, sizes.sample)
        await population.keep_sample(deployment.database_url)
        found: dict[int, dict[Service, CaughtUp]] = {}
        there = 1
        for known in (sizes.few, sizes.many):
            copies = range(there, known // sizes.sample)
            setting.say(f"  the tables get {known:,} leads")
            await population.add_copies(deployment.database_url, copies)
            there = copies.stop
            await _fill(deployment, f"with{known}", sizes.mixed)
            found[known] = {service: await catch_up(deployment, service) for service in ORDER}
            for service, caught in found[known].items():
                yield Figure(
                    what=f"{service}: catch-up with {known:,} leads",
                    unit=Unit.EVENTS_A_SECOND,
                    value=caught.rate,
                )
            # What the last of them have written, those before must read, too.
            for service in (SCORING, ROUTING):
                await catch_up(deployment, service)
        for service in ORDER:
            growth = found[sizes.few][service].rate / found[sizes.many][service].rate - 1
            what = f"{service}: growth of an event's time"
            yield Figure(what=what, unit=Unit.PERCENT, value=growth * 100)


async def make_sample(deployment: Deployment, wanted: int) -> None:
    """Leads that have been looked after: an enquiry, what they did on the web, a rep's call."""
    deployment.start(*Service)
    async with client(deployment) as http:
        load = ByHttp(deployment, http).load(wanted)
        (await send_at_once(load.send, wanted, _AT_ONCE)).require_all_taken()
        await settled(deployment)
        ids = [UUID(key.decode()) for (key,) in load.keys]
        facts = [
            *(("activities", type_) for type_ in ("page_viewed", "mail_clicked")),
            *(("followups", type_) for type_ in ("accepted", "contacted")),
        ]

        async def send(number: int) -> bool:
            fact, lead = divmod(number, wanted)
            path, type_ = facts[fact]
            body = leads.fact(ids[lead], type_, f"{fact}-{lead}")
            return (await http.post(f"/v1/{path}", body)).status == ACCEPTED

        (await send_at_once(send, wanted * len(facts), _AT_ONCE)).require_all_taken()
        await settled(deployment)
    deployment.stop(*Service)


async def _fill(deployment: Deployment, name: str, count: int) -> None:
    """A backlog on `lead-captured`, of new people and known ones by turns."""
    known = await population.some(deployment.database_url, count // 2)
    policy, id_key = deployment.policy, deployment.id_key
    enquiries = [
        leads.captured(name, number, policy, id_key, of)
        for number, again in enumerate(known)
        for of in (None, again)
    ]
    await leads.write(deployment.kafka, enquiries)
