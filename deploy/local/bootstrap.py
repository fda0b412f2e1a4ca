"""Brings a checkout to where everything else can run: `make setup`, a prerequisite of all targets.

Needs Python with venv, and nothing that it installs. Each step is skipped while what it was made
from is the same, so that a checkout that is set up costs a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCK = ROOT / "requirements.lock"
KAFKA_JARS = ROOT / "deploy" / "local" / "baton_local" / "kafka-4.2.0.jars"
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))
MEMBERS = ["shared", *(f"services/{name}" for name in SERVICES), "cli", "deploy/local"]


def main() -> None:
    require_python()
    checkout = os.open(ROOT, os.O_RDONLY)
    # Two at once would install over each other. The lock ends with this process.
    fcntl.flock(checkout, fcntl.LOCK_EX)
    # A virtual environment knows where it is, so one that was moved is made anew.
    environment = digest(str(ROOT).encode())
    packages = digest(environment.encode(), LOCK.read_bytes())
    definitions = [ROOT.joinpath(member, "pyproject.toml").read_bytes() for member in MEMBERS]
    members = digest(packages.encode(), *definitions)
    kafka = digest(packages.encode(), KAFKA_JARS.read_bytes())
    if not done("environment", environment) or not UV.exists():
        make_environment()
        note("environment", environment)
    if not done("packages", packages):
        install_packages()
        note("packages", packages)
    if not done("members", members):
        install_members()
        note("members", members)
    if not done("kafka", kafka) or missing_jars():
        fetch_kafka()
        note("kafka", kafka)


def require_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # who starts this has not met requires-python yet
        sys.exit(
            f"setup: Baton needs Python 3.11 or newer; {sys.executable} is "
            f"{sys.version.split()[0]}. Install one, or name it: make PYTHON=/path/to/python3.12"
        )


def make_environment() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"setup: {sys.executable} comes without {' and '.join(missing)}. "
            "On Debian or Ubuntu: apt-get install python3-venv"
        )
    say(f"a virtual environment in {VENV.name}, with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    say("uv, which installs the rest")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(locked("uv"))
        requirements.flush()
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install"]
        run([*pip, "--no-deps", "--require-hashes", "-r", requirements.name])


def install_packages() -> None:
    say("the packages of requirements.lock (about 110 MB the first time)")
    run([str(UV), "pip", "sync", "--python", str(PYTHON), "--require-hashes", str(LOCK)])


def install_members() -> None:
    say("Baton's own packages")
    editable = [argument for member in MEMBERS for argument in ("-e", str(ROOT / member))]
    install = [str(UV), "pip", "install", "--python", str(PYTHON), "--offline"]
    run([*install, "--no-deps", "--no-build-isolation", *editable])


def fetch_kafka() -> None:
    say("the jars of Apache Kafka (43 MB the first time)")
    run([str(PYTHON), "-m", "baton_local.fetching"])
    say("Kafka's classes, loaded once, so that it starts quickly from now on")
    run([str(PYTHON), "-m", "baton_local.class_cache"])
    say("done")


def locked(package: str) -> str:
    """The lock file's lines for one package, hashes included."""
    found = re.search(rf"^{package}==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        sys.exit(f"setup: {LOCK.name} does not pin {package}; git checkout {LOCK.name}")
    return found.group()


def missing_jars() -> bool:
    coordinates = [line.split()[0].split(":") for line in KAFKA_JARS.read_text().splitlines()]
    directory = ROOT / ".run" / "kafka-jars"
    return not all(
        (directory / f"{artifact}-{version}.jar").exists() for _, artifact, version in coordinates
    )


def run(command: Sequence[str]) -> None:
    """Its output is the progress, so it is shown. A failure has been explained there."""
    environment = os.environ | {"VIRTUAL_ENV": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("PYTHONPATH", None)
    environment.pop("PYTHONHOME", None)
    # pip, uv and requests each bring certificates of their own; this machine's go before them.
    certificates = ssl.get_default_verify_paths().cafile
    if certificates:
        for variable in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            environment.setdefault(variable, certificates)
    outcome = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if outcome.returncode != 0:
        sys.exit(
            f"setup: this step failed, see above: {' '.join(command)}\n"
            "setup: once the cause is gone, run `make setup` again; what is done stays done."
        )


def done(step: str, made_from: str) -> bool:
    stamp = VENV / f".baton-{step}"
    return stamp.exists() and stamp.read_text() == made_from


def note(step: str, made_from: str) -> None:
    (VENV / f".baton-{step}").write_text(made_from)


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def say(message: str) -> None:
    sys.stderr.write(f"setup: {message}\n")


if __name__ == "__main__":
    main()
