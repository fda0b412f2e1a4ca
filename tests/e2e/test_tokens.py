"""Who may ask what."""

import re

import httpx
import pytest

from baton_local.services import SERVICES
from tests.e2e.world import World

WEBHOOKS = {"/v1/webhooks/{source}", "/v1/webhooks/{source}/{secret}"}
OPEN = {"/healthz", "/readyz", "/metrics", *WEBHOOKS}
METHODS = {"get", "post", "put", "patch", "delete"}
SOMEBODY = "3f1f0a52-5c56-8b1e-9d3a-1c2b3d4e5f60"


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_but_health_metrics_and_webhooks_demands_the_token(
    world: World, service: str
) -> None:
    url = world.deployment.url(service)
    described = (await world.http.get(f"{url}/openapi.json")).json()["paths"]
    routes = [(m, path) for path, there in described.items() for m in METHODS & set(there)]
    closed = [(method, path) for method, path in routes if path not in OPEN]
    assert len(closed) >= 3
    wrong = {"Authorization": f"Bearer {world.deployment.token}x"}
    basic = {"Authorization": f"Basic {world.deployment.token}"}
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as nobody:
        for method, path in closed:
            for headers in ({}, wrong, basic):
                answer = await nobody.request(
                    method, re.sub(r"\{\w+\}", SOMEBODY, path), headers=headers, content=b"{}"
                )
                assert answer.status_code == 401, (method, path, headers)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["www-authenticate"] == "Bearer"
        for path in sorted(OPEN & set(described)):
            if path in WEBHOOKS:
                named = path.replace("{source}", "shop").replace("{secret}", SOMEBODY)
                answer = await nobody.post(named)
                assert answer.json()["title"] == "Signature refused"
            else:
                assert (await nobody.get(path)).status_code == 200
