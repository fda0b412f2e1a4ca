"""Sending leads and reading their stories, with the four services running."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from uuid import uuid4

import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from tests.e2e.deployment import Deployment

Baton = Callable[..., CompletedProcess[str]]
Until = Callable[[Callable[[], CompletedProcess[str]], str], CompletedProcess[str]]
DEMO_POLICY = Path(__file__).parents[2] / "deploy" / "demo-policy"
pytestmark = pytest.mark.usefixtures("services")


def lead(email: str, **more: object) -> dict[str, object]:
    return {
        "source": "website",
        "email": email,
        "contact": {"job_title": "Head of IT", "country": "DE"},
        "company": {"name": "Example Manufacturing", "employees": 4000},
        "request": {"form_id": "demo"},
        **more,
    }


def email() -> str:
    return f"{uuid4().hex}@example.com"


def ndjson(tmp_path: Path, *lines: object) -> str:
    file = tmp_path / "leads.ndjson"
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))
    return str(file)


def test_each_line_has_its_result_and_bad_ones_do_not_keep_back_the_others(
    baton: Baton, tmp_path: Path
) -> None:
    person = email()
    file = ndjson(
        tmp_path,
        lead(person),
        "",
        {"kind": "activity", "source": "website", "email": person, "type": "trial_started"},
        lead("not an address"),
        lead(email(), source="websit"),
        "{broken",
        lead(email(), kind="lead"),
    )
    done = baton("send", file)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0].startswith("line 1: lead published, lead ")
    assert told[1] == told[0].replace("line 1: lead published", "line 3: activity published")
    assert told[2] == "line 4: lead refused, email: an email must have the form name@domain"
    assert "line 5: lead refused, source: the policy declares no such source" in told[3]
    assert told[4].startswith("line 6: refused, not JSON")
    assert told[5].startswith("line 7: lead published")
    assert told[6] == "3 lines taken, 3 refused."


def test_what_waits_for_its_lead_is_shown_with_the_names_that_it_waits_for(
    baton: Baton, tmp_path: Path
) -> None:
    record = uuid4().hex
    said = {"kind": "followup", "source": "website", "type": "contacted", "external_id": record}
    sent = baton("send", ndjson(tmp_path, said))
    assert sent.stdout.splitlines()[0] == "line 1: followup waiting, until its lead is known"
    assert f"contacted of external_id {record}" in baton("waiting", "list").stdout
    assert baton("waiting", "list", "--source", "nobody").stdout == "Nothing waits for its lead.\n"


def test_a_file_that_is_good_throughout_ends_well(baton: Baton, tmp_path: Path) -> None:
    done = baton("send", "--quiet", ndjson(tmp_path, *(lead(email()) for _ in range(40))))
    assert (done.returncode, done.stdout) == (0, "40 lines taken, 0 refused.\n")


def test_leads_are_read_from_standard_input_as_an_array_too(baton: Baton) -> None:
    done = baton("send", "-", stdin=json.dumps([lead(email()), lead(email())], indent=2))
    assert done.returncode == 0
    assert "line 2: lead published" in done.stdout


def test_the_kind_of_a_whole_file_can_be_given(baton: Baton, tmp_path: Path) -> None:
    line = {"source": "website", "email": email(), "type": "webinar_attended"}
    assert (
        "line 1: activity published"
        in baton("send", "--kind", "activity", ndjson(tmp_path, line)).stdout
    )


def test_a_break_in_an_array_is_told_with_what_was_taken_before(baton: Baton) -> None:
    done = baton("send", "-", stdin=f"[{json.dumps(lead(email()))},\n{{broken]")
    assert done.returncode == 1
    assert "line 2: refused, not JSON" in done.stdout
    assert "1 line taken, 1 refused." in done.stdout
    assert "what follows the broken line was not read" in done.stderr


def test_a_file_that_there_is_not_is_told(baton: Baton, tmp_path: Path) -> None:
    missing = baton("send", str(tmp_path / "none.ndjson"))
    assert missing.returncode == 2
    assert "none.ndjson can't be read: No such file or directory" in missing.stderr
    latin = tmp_path / "latin.ndjson"
    latin.write_bytes(b'{"a": 1}\n{"a": "\xe9"}')
    assert "latin.ndjson:2: not UTF-8" in baton("send", str(latin)).stderr


def test_a_lead_is_followed_from_its_enquiry_to_a_broken_promise_and_the_next_rep(
    baton: Baton, until: Until, tmp_path: Path
) -> None:
    person = email()
    baton("send", ndjson(tmp_path, lead(person)))
    done = until(lambda: baton("explain", person), "(attempt 2)")
    assert done.returncode == 0
    for says in (
        "Head of IT at Example Manufacturing (DE)",
        "Enquiry from website, form demo",
        "company.employees is 4000",
        "whose turn it is",
        "Promised: first response from",
        "Promise broken: no first response from",
        "who did not answer in time",
        "passed over: had this lead before",
    ):
        assert says in done.stdout


def test_a_terminal_without_ticks_and_dots_shows_the_words(
    baton: Baton, until: Until, tmp_path: Path, environment: dict[str, str]
) -> None:
    person = email()
    baton("send", ndjson(tmp_path, lead(person)))
    until(lambda: baton("explain", person), "Promised")
    done = subprocess.run(
        [sys.executable, "-c", "from baton_cli.main import app; app()", "explain", person],
        env={**os.environ, **environment, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert b"Promised: first response" in done.stdout


def test_a_story_is_there_as_json_by_the_id_that_was_printed(
    baton: Baton, until: Until, tmp_path: Path
) -> None:
    person = email()
    lead_id = baton("send", ndjson(tmp_path, lead(person))).stdout.splitlines()[0].split()[-1]
    until(lambda: baton("explain", lead_id, "--json"), '"routed"')
    told: dict[str, Any] = json.loads(baton("explain", lead_id, "--json").stdout)
    assert told["lead_id"] == lead_id
    assert told["who"][1] == person
    assert [each["kind"] for each in told["happened"]][:3] == ["enquiry", "scored", "routed"]


def test_a_service_that_is_away_is_missing_in_a_story_and_the_rest_is_told(
    baton: Baton, until: Until, tmp_path: Path, environment: dict[str, str]
) -> None:
    person = email()
    baton("send", ndjson(tmp_path, lead(person)))
    until(lambda: baton("explain", person), "Promised")
    environment["BATON_ROUTING_URL"] = "http://127.0.0.1:9"
    done = baton("explain", person)
    assert done.returncode == 0
    assert "routing is missing here: routing can't be reached at http://127.0.0.1:9" in done.stdout
    assert "Promised: first response from" in done.stdout
    for service in ("SCORING", "SLA_MONITOR"):
        environment[f"BATON_{service}_URL"] = "http://127.0.0.1:9"
    nothing = baton("explain", person)
    assert nothing.returncode == 1
    assert "sla-monitor can't be reached" in nothing.stderr


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ("nobody@example.com", 1, "Is it of brand main (--brand)"),
        ("00000000-0000-8000-8000-000000000001", 1, "It was never seen, or it was erased."),
        ("somebody", 2, "somebody is neither a lead's id nor an email"),
        ("some body@example.com", 2, "an email must have the form name@domain"),
    ],
)
def test_a_lead_that_nobody_knows_is_told(baton: Baton, asked: str, code: int, says: str) -> None:
    done = baton("explain", asked)
    assert done.returncode == code
    assert says in done.stderr


def test_breaches_and_reps_are_listed(baton: Baton, until: Until, tmp_path: Path) -> None:
    lead_id = baton("send", ndjson(tmp_path, lead(email()))).stdout.splitlines()[0].split()[-1]
    found = until(lambda: baton("breaches", "--since", "1h"), lead_id)
    assert "first response in " in found.stdout
    assert baton("breaches", "--team", "of-nobody").stdout == "No promise was broken.\n"
    assert "There are more than these 1" in baton("breaches", "--limit", "1").stdout
    listed = baton("reps").stdout
    for rep in Bundle.read(DEMO_POLICY, policy_sections()).teams.reps:
        assert rep.id in listed
        assert rep.name in listed


def test_a_time_that_is_none_is_refused(baton: Baton) -> None:
    refused = baton("breaches", "--since", "yesterday")
    assert refused.returncode == 2
    assert "--since yesterday is neither a span of time nor a time" in refused.stderr


def test_leads_without_a_policy_or_a_service_stop_the_sending(
    baton: Baton, tmp_path: Path, environment: dict[str, str], services: Deployment
) -> None:
    file = ndjson(tmp_path, lead(email()), lead(email()))
    environment["BATON_INGEST_URL"] = "http://127.0.0.1:9"
    away = baton("send", file)
    assert away.returncode == 1
    assert "ingest can't be reached at http://127.0.0.1:9" in away.stderr
    assert "Before that: 0 lines taken, 0 refused." in away.stderr
    environment["BATON_INGEST_URL"] = services.url("scoring")
    another = baton("send", file)
    assert another.returncode == 1
    assert "is not ingest of this release" in another.stderr
