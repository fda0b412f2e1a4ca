"""A service is added by a folder: every program finds it by its manifest."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from baton.manifest import manifests
from baton_local.ports import LOOPBACK, free_ports
from baton_local.readiness import http_ready
from baton_local.waiting import wait_until

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "service-template"
TOKEN = "a token of the tests"
BATON = "from baton_cli.main import app; app()"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has all that this one has, and the template's service."""
    home = tmp_path_factory.mktemp("added")
    shutil.copytree(TEMPLATE, home / "notices")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    made = home / "venv" / "bin" / "python"
    ours = sysconfig.get_path("purelib")
    theirs = sysconfig.get_path("purelib", vars={"base": str(home / "venv")})
    Path(theirs, "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    uv = Path(sys.executable).with_name("uv")
    # As bootstrap.py installs a member of the workspace.
    install = [str(uv), "pip", "install", "--python", str(made), "--offline", "--no-deps"]
    command = [*install, "--no-build-isolation", "-e", str(home / "notices")]
    subprocess.run(command, check=True, env=os.environ | {"VIRTUAL_ENV": str(home / "venv")})
    return made


def said(python: Path, *arguments: str, **environment: str) -> str:
    """What the program prints; its exit code is the caller's business only where it is not 0."""
    done = subprocess.run(
        [python, *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr


def test_the_local_stack_has_a_program_for_it(python: Path, tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from baton_local.ports import Ports
from baton_local.services import SERVICES, service_program
from baton_local.stack import Stack
stack = Stack(Path({str(tmp_path)!r}), Ports().shifted(100), servers=())
stack.add(*(service_program(stack, service, {{}}) for service in SERVICES))
for program in stack.status():
    print(program.name, program.port)
"""
    lines = said(python, "-c", script).splitlines()
    ours = [f"{service.package} {service.port + 100}" for service in manifests()]
    assert lines == [*ours, "notices 8290"]


@pytest.mark.long
def test_the_contracts_documents_have_it_and_say_the_same_of_the_others(
    python: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", docs)
    assert said(python, "-m", "baton.contracts", "write", "--docs", str(docs)) == ""
    changed = {
        path.relative_to(docs)
        for path in docs.rglob("*.*")
        if not (kept := ROOT / "docs" / path.relative_to(docs)).exists()
        or (path.is_file() and path.read_bytes() != kept.read_bytes())
    }
    assert changed == {Path("contracts/openapi/notices.json"), Path("operations.md")}
    before = (ROOT / "docs" / "operations.md").read_text("utf-8").splitlines()
    after = (docs / "operations.md").read_text("utf-8").splitlines()
    assert [line for line in before if line not in after] == []
    added = "\n".join(line for line in after if line not in before)
    for mentioned in (
        "| `BATON_PORT` | `notices` | `8190` |",
        "| `baton_notices_posted_total` | counter |  | `notices` |",
        "| `notices` | `notice` |",
        "| `notices` | `POST /v1/notices` | the token |",
    ):
        assert mentioned in added


def test_it_is_migrated_runs_without_kafka_and_is_seen_by_the_operator(
    python: Path, make_database: Callable[[], str]
) -> None:
    database = make_database()
    port = free_ports(1)[0]
    url = f"http://{LOOPBACK}:{port}"
    done = said(python, "-c", BATON, "migrate", "notices", BATON_DATABASE_URL=database)
    assert done == "notices: schema notices is up to date\n"
    environment = {
        **os.environ,
        "BATON_API_TOKEN": TOKEN,
        "BATON_DATABASE_URL": database,
        "BATON_PORT": str(port),
    }
    process = subprocess.Popen([python, "-m", "notices.main"], env=environment)
    try:
        wait_until(lambda: http_ready(f"{url}/readyz") is None, "the service is not ready")
        status = said(python, "-c", BATON, "status", BATON_NOTICES_URL=url)
        (line,) = [line for line in status.splitlines() if "notices" in line]
        assert line.split()[:3] == ["notices", "ready", url]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            assert http.post("/v1/notices", json={"text": "Stand-up at nine"}).status_code == 201
            (notice,) = http.get("/v1/notices").json()
            assert notice["text"] == "Stand-up at nine"
            assert "baton_notices_posted_total 1.0" in http.get("/metrics").text
            assert http.get("/v1/dead-letters").status_code == 404
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


def test_the_workspace_lists_each_service_where_it_has_to() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    linter = tools["importlinter"]
    packages = {service.package for service in manifests()}
    assert {f"baton-{service.name}" for service in manifests()} <= set(tools["uv"]["sources"])
    assert packages <= set(linter["root_packages"])
    by_name = {contract["name"].partition(":")[0]: contract for contract in linter["contracts"]}
    lists = {
        "Who judges under fire stands outside": "forbidden_modules",
        "Services talk through topics, not through imports": "modules",
        "The library knows nothing of what stands on it": "forbidden_modules",
        "A service knows nothing of the operator's command or of how it is run": "source_modules",
    }
    for name, key in lists.items():
        assert packages <= set(by_name[name][key]), name
