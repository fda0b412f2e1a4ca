"""Secrets are made once: an id of a lead hangs on BATON_ID_KEY for good."""

import base64
import subprocess
from pathlib import Path

import pytest

from baton_local.credentials import keep_secrets, read_secrets
from baton_local.errors import StackError
from baton_local.services import secret_names


def test_a_secret_is_random_and_long(tmp_path: Path) -> None:
    made = [keep_secrets(tmp_path / str(n), ["BATON_ID_KEY"])["BATON_ID_KEY"] for n in range(10)]
    assert len(set(made)) == 10
    assert all(len(secret) >= 32 for secret in made)


def test_a_secret_is_base64_as_standard_webhooks_want_it(tmp_path: Path) -> None:
    names = [f"BATON_FORMS_{number}" for number in range(20)]
    for secret in keep_secrets(tmp_path / "secrets.env", names).values():
        assert len(base64.b64decode(secret, validate=True)) >= 32


def test_a_secret_is_kept_when_others_are_added(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    first = keep_secrets(file, ["BATON_ID_KEY"])
    both = keep_secrets(file, ["BATON_API_TOKEN"])
    assert both["BATON_ID_KEY"] == first["BATON_ID_KEY"]
    assert set(both) == {"BATON_ID_KEY", "BATON_API_TOKEN"}
    assert read_secrets(file) == both


def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    keep_secrets(file, ["BATON_ID_KEY"])
    keep_secrets(file, ["BATON_ID_KEY", "BATON_API_TOKEN"])
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_shell_reads_the_same_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("WEBHOOK='it'\"'\"'s $HOME'\n")
    keep_secrets(file, ["BATON_ID_KEY"])
    shown = subprocess.run(
        ["/bin/sh", "-c", '. "$0"; printf %s "$WEBHOOK"', str(file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown == read_secrets(file)["WEBHOOK"] == "it's $HOME"


def test_each_secret_that_a_bundle_names_is_found_once_however_deep(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(
        """\
sources:
  - {name: website, verify: {hmac: {secret_env: BATON_SECRET_WEBSITE}}}
  - {name: calls, verify: [{secret_env: [BATON_SECRET_CALLS, BATON_SECRET_OLD]}]}
  - {name: again, secret_env: BATON_SECRET_WEBSITE}
"""
    )
    assert secret_names(tmp_path) == [
        "BATON_SECRET_CALLS",
        "BATON_SECRET_OLD",
        "BATON_SECRET_WEBSITE",
    ]


def test_a_bundle_whose_sources_are_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text("sources: [")
    with pytest.raises(StackError, match=r"sources\.yaml"):
        secret_names(tmp_path)
