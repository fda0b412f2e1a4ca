"""Importing a file: what becomes of its rows, and how a run that was killed is gone on with."""

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import httpx
import pytest
from aiokafka import TopicPartition

from baton import cloudevents, kafka, topics
from baton.events import LeadCaptured
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton.times import Times
from baton_cli.importing.mapping import LeadMapping, read_mapping
from baton_local.waiting import wait_until
from tests.e2e.deployment import Deployment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "import.md"
DEMO_POLICY = ROOT / "deploy" / "demo-policy"
Baton = Callable[..., CompletedProcess[str]]
with_services = pytest.mark.usefixtures("services")

MAPPING = """\
fields:
  contact.email: E-mail
  contact.job_title: Title
  company.name: company
  company.employees: Staff
  consent.status: Newsletter
  occurred_at: Created
constants:
  source: website
  campaign.name: Spring fair
values:
  consent.status: {Ja: granted, Nein: denied}
ignore: [Internal]
time_format: "%d.%m.%Y %H:%M"
time_zone: Europe/Berlin
"""
HEADER = "E-mail;Title;company;Staff;Newsletter;Created;Internal;Badge"


def run_id() -> str:
    return uuid4().hex


def captured(deployment: Deployment, domain: str) -> dict[str, LeadCaptured]:
    """By their event's id the enquiries of people with an address there."""
    return asyncio.run(_captured(deployment, domain))


async def _captured(deployment: Deployment, domain: str) -> dict[str, LeadCaptured]:
    settings = deployment.kafka
    consumer = kafka.reader(settings, Times())
    await consumer.start()
    try:
        name = kafka.topic_name(settings, topics.LEAD_CAPTURED)
        places = [TopicPartition(name, n) for n in range(settings.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found = {}
        for place in places:
            consumer.seek(place, 0)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    event = cloudevents.decode(record.key, record.value, record.headers)
                    if isinstance(event.data, LeadCaptured) and domain in str(
                        event.data.profile.contact.email
                    ):
                        found[str(event.id)] = event.data
        return found
    finally:
        await consumer.stop()


def test_a_mapping_says_which_column_is_which_field(
    baton: Baton, tmp_path: Path, services: Deployment
) -> None:
    domain = f"{run_id()}.example.com"
    table = tmp_path / "fair.csv"
    table.write_text(
        f"{HEADER}\r\n"
        f"a@{domain};CTO;Example Ltd;250;Ja;31.03.2026 09:30;secret;B-1\r\n"
        f"b@{domain};;;;Nein;;;\r\n",
        "utf-8-sig",
    )
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    done = baton("import", str(table), "--map", str(tmp_path / "mapping.yaml"))
    assert (done.returncode, done.stdout) == (0, "2 rows taken, 0 refused.\n"), done.stderr
    first, second = sorted(
        (captured(services, domain)).values(), key=lambda each: str(each.profile.contact)
    )
    profile = first.profile
    assert (profile.source, profile.campaign.name) == ("website", "Spring fair")
    assert (profile.contact.job_title, profile.company.name) == ("CTO", "Example Ltd")
    assert (profile.company.employees, profile.consent.status) == (250, "granted")
    assert first.occurred_at.isoformat() == "2026-03-31T07:30:00+00:00"
    assert first.answers == {"Badge": "B-1"}
    assert (second.profile.consent.status, second.answers) == ("denied", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fair.csv", "mapping.yaml"]


@with_services
def test_what_is_refused_is_kept_with_its_line_and_the_reason(baton: Baton, tmp_path: Path) -> None:
    table = tmp_path / "leads.csv"
    rows = [
        f"website,{run_id()}@example.com,ok",
        'website,nobody,"said\nso"',
        "website,a@example.com",
        f"websit,{run_id()}@example.com,x",
        "website," + "a" * 1_100_000 + ",x",
        f"website,{run_id()}@example.com,ok",
    ]
    table.write_text("source,email,badge\n" + "\n".join(rows) + "\n")
    done = baton("import", str(table))
    assert (done.returncode, done.stdout) == (1, "2 rows taken, 4 refused.\n"), done.stderr
    assert f"{table}: kept as it is: unknown field 'badge'" in done.stderr
    with (tmp_path / "leads.csv.rejects.csv").open(newline="") as file:
        rejects = [(row["line"], row["reason"], row["row"]) for row in csv.DictReader(file)]
    assert [(line, row) for line, _, row in rejects] == [
        ("3", 'website,nobody,"said\nso"'),
        ("5", "website,a@example.com"),
        ("6", rows[3]),
        ("7", ""),
    ]
    reasons = [reason for _, reason, _ in rejects]
    assert reasons[0] == "email: an email must have the form name@domain"
    assert reasons[1] == "has 2 cells, and the header 3"
    assert reasons[2].startswith("source: the policy declares no such source; did you mean")
    assert reasons[3] == "longer than 1048576 bytes"


def test_a_run_that_was_killed_is_gone_on_with_and_nothing_is_there_twice(
    baton: Baton, tmp_path: Path, services: Deployment
) -> None:
    domain = f"{run_id()}.example.com"
    table = tmp_path / "leads.csv"
    rows = [f"person-{n}@{domain}" if n % 100 else f"nobody-{n}" for n in range(1, 1_201)]
    table.write_text("email\n" + "".join(f"{row}\n" for row in rows))
    order = ("import", str(table), "--source", "website", "--batch", "20")
    journal = tmp_path / "leads.csv.journal"
    with subprocess.Popen(
        (sys.executable, "-c", "from baton_cli.main import app; app()", *order),
        env={**os.environ, **services.told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        while not journal.exists() and killed.poll() is None:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    answered = json.loads(journal.read_text())
    assert 0 < answered["place"]["line"] < 1_201

    other = baton("import", str(table), "--source", "partner")
    assert (other.returncode, "another mapping, source or ingest" in other.stderr) == (2, True)
    whole = table.read_bytes()
    table.write_bytes(whole.replace(b"person-1@", b"person-0@"))
    changed = baton(*order)
    assert (changed.returncode, "is not as it was" in changed.stderr) == (2, True)
    table.write_bytes(whole)

    done = baton(*order)
    assert f"goes on behind line {answered['place']['line']}" in done.stderr
    assert (done.returncode, done.stdout) == (1, "1188 rows taken, 12 refused.\n"), done.stderr
    rejects = (tmp_path / "leads.csv.rejects.csv").read_bytes()
    assert not journal.exists()
    after_two = captured(services, domain)

    done = baton(*order)
    assert (done.returncode, done.stdout) == (1, "1188 rows taken, 12 refused.\n"), done.stderr
    assert (tmp_path / "leads.csv.rejects.csv").read_bytes() == rejects
    assert (captured(services, domain)).keys() == after_two.keys()
    assert len(after_two) == len({each.lead_id for each in after_two.values()}) == 1_188


@pytest.fixture
def held_domain(services: Deployment) -> Iterator[str]:
    """Whose enquiries go into quarantine; afterwards the original bundle is in force again."""
    bundle = Bundle.read(DEMO_POLICY, policy_sections())
    domain = f"{run_id()}.example.com"
    rule = f"quarantine: [{{id: r, label: R, when: {{field: contact.email, contains: {domain}}}}}]"
    definitions = f"{bundle.files['definitions.yaml']}\n{rule}\n"
    services.activate(
        Bundle.parse_whole({**bundle.files, "definitions.yaml": definitions}, policy_sections())
    )
    enquiry = {"source": "website", "email": f"{run_id()}@{domain}"}
    headers = {"Authorization": f"Bearer {services.told['BATON_API_TOKEN']}"}
    leads = f"{services.url('ingest')}/v1/leads"
    with httpx.Client(trust_env=False, headers=headers) as http:

        def is_held() -> bool:
            state: str = http.post(leads, json=enquiry).json()["state"]
            return state == "quarantined"

        wait_until(is_held, "ingest does not go by the rule")
    yield domain
    services.activate(bundle)


def test_a_row_that_a_rule_holds_back_is_taken_and_told_apart(
    baton: Baton, tmp_path: Path, held_domain: str
) -> None:
    table = tmp_path / "leads.csv"
    held = [f"{run_id()}@{held_domain}" for _ in range(2)]
    rows = [held[0], f"{run_id()}@example.com", "nobody", held[1]]
    table.write_text("email\n" + "".join(f"{row}\n" for row in rows))
    done = baton("import", str(table), "--source", "website", "--batch", "2")
    says = "3 rows taken (2 of them into quarantine), 1 refused.\n"
    assert (done.returncode, done.stdout) == (1, says), done.stderr
    enquiry = json.dumps({"source": "website", "email": held[0]})
    sent = baton("send", "-", stdin=enquiry)
    assert sent.stdout.startswith("line 1: lead quarantined, lead "), sent.stderr
    assert sent.stdout.endswith("1 line taken, 0 refused.\n")


@with_services
def test_a_file_of_which_nothing_can_be_taken_is_not_gone_on_with(
    baton: Baton, tmp_path: Path
) -> None:
    table = tmp_path / "leads.csv"
    table.write_text("mail\n" + "a@example.com\n" * 50)
    done = baton("import", str(table), "--source", "website", "--batch", "20")
    assert done.returncode == 1
    assert "kept as it is: unknown field 'mail'; did you mean 'email'?" in done.stderr
    assert "none of the first 20 rows was taken: line 2: email: one of email" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["leads.csv"]


def test_a_mapping_is_told_what_is_wrong_with_it_and_where(baton: Baton, tmp_path: Path) -> None:
    table = tmp_path / "leads.csv"
    table.write_text("E-mail,Staff\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "fields:\n"
        "  contact.emial: E-mail\n"
        "  company.employees: Staf\n"
        "constant: {source: website}\n"
        "time_zone: Europe/Berln\n"
        "time_format: '%d.%Q'\n"
    )
    done = baton("import", str(table), "--map", str(mapping))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"Error: 4 problems in {mapping}",
        f"{mapping}:2: fields.contact.emial: unknown field 'contact.emial'; "
        "did you mean 'contact.email'?",
        f"{mapping}:4: constant: unknown key 'constant'; did you mean 'constants'?",
        f"{mapping}:5: time_zone: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?",
        f"{mapping}:6: time_format: must be a form of dates as Python's strptime has it, "
        "such as %d.%m.%Y %H:%M",
    ]
    mapping.write_text("fields:\n  email: E-mail\n  company.employees: Staf\n")
    done = baton("import", str(table), "--map", str(mapping))
    assert f"{mapping}:3: fields.company.employees: leads.csv has no column 'Staf'; " in done.stderr


def test_the_mapping_that_the_page_shows_is_one(baton: Baton, tmp_path: Path) -> None:
    shown, *_ = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "mapping.yaml").write_text(shown)
    mapping = read_mapping(tmp_path / "mapping.yaml").mapping
    assert mapping.model_fields_set == set(LeadMapping.model_fields)


def test_what_can_not_be_imported_is_told(
    baton: Baton, tmp_path: Path, environment: dict[str, str]
) -> None:
    for name, content, says in (
        ("a.csv", None, "a.csv can't be read: No such file or directory"),
        ("b.xlsx", b"PK", "b.xlsx must end in .csv, .tsv, .ndjson or .jsonl"),
        ("c.csv", "email".encode("utf-16"), "c.csv is UTF-16"),
        ("d.csv", b"", "d.csv:1: the file is empty"),
        ("e.csv", b"\n\nemail,email\n", "e.csv:3: email: stands twice in the header"),
        ("f.csv", b"company\n", "f.csv:1: company: has parts"),
        ("g.csv", b'"email\nx\n', "g.csv:1: a quoted cell of the header has no end"),
    ):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        done = baton("import", str(file))
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    environment["BATON_INGEST_URL"] = "http://127.0.0.1:9"
    good = tmp_path / "good.csv"
    good.write_text("email\n")
    assert "ingest can't be reached" in baton("import", str(good)).stderr
