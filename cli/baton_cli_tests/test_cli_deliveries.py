"""Webhooks that were not understood, as an operator sees them and has them read again."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import httpx
import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_local.waiting import wait_until
from tests.e2e.deployment import Deployment

Baton = Callable[..., CompletedProcess[str]]
Until = Callable[[Callable[[], CompletedProcess[str]], str], CompletedProcess[str]]
pytestmark = pytest.mark.usefixtures("services")

DEMO_POLICY = Path(__file__).parents[2] / "deploy" / "demo-policy"


LINKEDIN = """\
  on-linkedin: {label: L, kind: linkedin, brand: main, secret_env: [BATON_WEBSHOP_FORMS_SECRET]%s}
"""
"""Tells of leads by their ids alone. Nobody answers where its details are."""


def deliver(services: Deployment, type_: str) -> None:
    """What the webshop tells, in a type that its mapping may not know."""
    data = {"email": f"{uuid4().hex}@example.com", "message": "Grüße"}
    body = json.dumps({"type": type_, "data": data}, ensure_ascii=False).encode()
    id_, sent_at = uuid4().hex, str(int(time.time()))
    secret = services.told["BATON_WEBSHOP_FORMS_SECRET"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    answer = httpx.post(
        f"{services.url('ingest')}/v1/webhooks/webshop-forms",
        content=body,
        headers={
            "webhook-id": id_,
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        },
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == 202, answer.text


@pytest.fixture
def original_policy(services: Deployment) -> Iterator[Bundle]:
    """What is in force; afterwards, it is again."""
    bundle = Bundle.read(DEMO_POLICY, policy_sections())
    yield bundle
    services.activate(bundle)


@pytest.fixture
def mended(services: Deployment, original_policy: Bundle) -> Callable[[], None]:
    """Puts a bundle in force that takes renamed forms."""

    def mend() -> None:
        files = original_policy.files
        sources = files["sources.yaml"].replace("form.submitted:", "form.renamed:")
        services.activate(Bundle.parse_whole({**files, "sources.yaml": sources}, policy_sections()))

    return mend


def test_what_was_not_understood_is_listed_shown_and_replayed_once_the_mapping_is_mended(
    baton: Baton, until: Until, services: Deployment, mended: Callable[[], None]
) -> None:
    assert baton("deliveries", "list").stdout == "No delivery waits to be replayed.\n"
    for _ in range(3):
        deliver(services, "form.renamed")
    listed = baton("deliveries", "list", "--failed")
    assert "the source has neither `events` nor `ignore` for this event type" in listed.stdout
    ids = [word.strip(":") for word in listed.stdout.split() if word.count("-") == 4]
    assert len(ids) == 3
    assert "There are more than these 2" in baton("deliveries", "list", "--limit", "2").stdout

    shown = baton("deliveries", "show", ids[0])
    assert "source        webshop-forms" in shown.stdout
    assert '"message": "Grüße"' in shown.stdout
    again = baton("deliveries", "replay", ids[0])
    assert again.returncode == 1
    assert "ingest refuses: the source has neither" in again.stderr
    assert "failed 2 times" in baton("deliveries", "list").stdout

    mended()
    until(lambda: baton("deliveries", "replay", ids[0]), "published")
    everything = baton("deliveries", "replay", "--source", "webshop-forms")
    assert everything.returncode == 0
    assert "2 replayed, 0 still not understood." in everything.stdout
    assert baton("deliveries", "list").stdout == "No delivery waits to be replayed.\n"
    done = baton("deliveries", "list", "--replayed").stdout
    assert all(each in done for each in ids)


def test_a_delivery_that_there_is_not_is_told(baton: Baton) -> None:
    for command in ("show", "replay"):
        refused = baton("deliveries", command, str(uuid4()))
        assert refused.returncode == 1
        assert "ingest keeps no delivery" in refused.stderr
        assert "`baton deliveries list` lists them." in refused.stderr


@pytest.mark.parametrize("arguments", [(), (str(uuid4()), "--all"), ("--all", "--source", "x")])
def test_a_replay_is_of_one_of_a_source_or_of_all(baton: Baton, arguments: tuple[str, ...]) -> None:
    refused = baton("deliveries", "replay", *arguments)
    assert refused.returncode == 2
    assert "name one delivery by its id, all of a source by --source, or all" in refused.stderr


def test_what_waits_was_replayed_and_is_fetched_are_lists_apart(baton: Baton) -> None:
    refused = baton("deliveries", "list", "--failed", "--replayed")
    assert refused.returncode == 2
    assert "No lead waits for its details." in baton("deliveries", "list", "--fetching").stdout


def test_of_a_lead_that_is_an_id_alone_a_replay_says_that_its_details_are_fetched(
    baton: Baton, until: Until, services: Deployment, original_policy: Bundle
) -> None:

    def said_of_linkedin(more: str) -> None:
        files = original_policy.files
        sources = files["sources.yaml"] + LINKEDIN % more
        services.activate(Bundle.parse_whole({**files, "sources.yaml": sources}, policy_sections()))

    said_of_linkedin("")
    body = json.dumps({"leadGenFormResponse": f"urn:{uuid4()}", "leadAction": "CREATED"}).encode()
    secret = services.told["BATON_WEBSHOP_FORMS_SECRET"].encode()
    signature = hmac.new(secret, b"hmacsha256=" + body, hashlib.sha256).hexdigest()
    url = f"{services.url('ingest')}/v1/webhooks/on-linkedin"
    with httpx.Client(trust_env=False, headers={"X-LI-Signature": signature}) as http:

        def is_known() -> bool:
            return http.post(url, content=body).status_code != 503

        wait_until(is_known, "ingest does not know the source")
        answer = http.post(url, content=body)  # the same delivery: what was kept is told again
    (result,) = answer.json()["results"]
    assert result["state"] == "kept"
    said_of_linkedin(", details: {url: 'http://127.0.0.1:9/{id}'}")
    until(lambda: baton("deliveries", "replay", result["delivery"]), "fetching its details")
