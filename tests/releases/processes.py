"""Processes of several releases of one service, in one deployment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from baton_local.ports import LOOPBACK
from baton_local.program import Program
from tests.e2e.deployment import Deployment
from tests.releases.release import Release


@dataclass(frozen=True)
class Shards:
    """The shards that a process owns: how many are open, and the reasons of the closed ones."""

    open: int
    closed: Mapping[int, str]


@dataclass(frozen=True)
class Process:
    """A process of a release."""

    deployment: Deployment
    program: Program

    @classmethod
    def start(cls, deployment: Deployment, release: Release, name: str) -> "Process":
        """Start one; it becomes ready later."""
        program = deployment.another(release.service, name, PYTHONPATH=release.python_path)
        deployment.stack.add(program)
        deployment.stack.start_program(name, wait=False)
        return cls(deployment, program)

    def stop(self) -> None:
        """Tell it to end, as an upgrade does; returns when it is gone."""
        self.deployment.stack.stop_program(self.program.name)

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://{LOOPBACK}:{self.program.port}"

    async def shards(self, http: httpx.AsyncClient) -> Shards:
        """As its metrics say; none while it does not answer."""
        try:
            text = (await http.get(f"{self.url}/metrics")).text
        except httpx.TransportError:
            return Shards(0, {})
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        return Shards(
            open=sum(int(each.value) for each in samples if each.name == "baton_shards_open"),
            closed={
                int(each.labels["shard"]): each.labels["reason"]
                for each in samples
                if each.name == "baton_shards_closed" and each.value
            },
        )

    async def is_degraded(self, http: httpx.AsyncClient, shards: Collection[int]) -> bool:
        """Whether it is ready all the same, and names exactly these shards as what is wrong."""
        answer = await http.get(f"{self.url}/readyz")
        said = answer.json()
        wrong = {f"shard {number}" for number in shards}
        return (answer.status_code, said["status"]) == (200, "degraded") and (
            said["reasons"].keys() == wrong
        )
