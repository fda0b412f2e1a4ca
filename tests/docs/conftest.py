"""A deployment for the commands of the pages, and the folder in which a reader would type them."""

import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_local.services import BUNDLE, secret_names
from tests.docs.blocks import ROOT
from tests.e2e.deployment import Deployment, on_servers

SECRET = "whsec_QmF0b24ncyBkb2N1bWVudGF0aW9uLg=="


@pytest.fixture(scope="package")
def deployment(
    kafka_bootstrap: str, make_database: Callable[[], str], make_topic_prefix: Callable[[], str]
) -> Iterator[Deployment]:
    """The four services with the default policy, as after `make up`."""
    secrets = dict.fromkeys(secret_names(BUNDLE), SECRET)
    made = on_servers(kafka_bootstrap, make_database(), make_topic_prefix(), **secrets)
    try:
        made.activate(Bundle.read(BUNDLE, policy_sections()))
        made.start_services()
        yield made
        made.end()
    finally:
        made.stack.remove()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the pages' commands need of a checkout."""
    for folder in ("deploy/policy", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / ".run/up").mkdir(parents=True)
    (tmp_path / ".run/up/env").touch()
    return tmp_path


@pytest.fixture
def environment(deployment: Deployment, checkout: Path) -> dict[str, str]:
    """The variables of `.run/up/env`, and nothing else of this process."""
    path = f"{ROOT / '.venv/bin'}:/usr/local/bin:/usr/bin:/bin"
    variables = {**deployment.told, "PATH": path, "HOME": str(checkout)}
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (checkout / ".run/up/env").write_text("".join(exports))
    return variables
