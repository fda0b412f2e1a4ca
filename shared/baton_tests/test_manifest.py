"""The installed services are found by their entry points; a bad one is named with the way out."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baton.manifest import ManifestError, find

GOOD = """
from baton.manifest import Routers, ServiceManifest
from baton.settings import ApiSettings

MANIFEST = ServiceManifest(
    name={name!r},
    title="toy",
    description="A toy.",
    port={port},
    settings=lambda: ApiSettings,
    routers=lambda resources: Routers(()),
    {more}
)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package with a manifest where Python looks for packages."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(entry: str, source: str = "", *, port: int = 7001, more: str = "") -> None:
        module = f"toy_{entry.replace('-', '0')}"
        text = source or GOOD.format(name=entry, port=port, more=more)
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{module}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        points = f"[baton.services]\n{entry} = {module}:MANIFEST\n"
        (info / "entry_points.txt").write_text(points)

    yield put
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_services_are_found_in_the_order_of_their_ports(install: Install) -> None:
    install("toy-late", port=7002)
    install("toy-soon", port=7001)
    found = find()
    assert [service.name for service in found[:2]] == ["toy-soon", "toy-late"]
    assert [service.port for service in found] == sorted(service.port for service in found)


def test_a_service_is_named_once_and_its_other_names_follow(install: Install) -> None:
    install("toy-console")
    toy = find()[0]
    assert (toy.package, toy.url_variable) == ("toy_console", "BATON_TOY_CONSOLE_URL")
    assert not toy.consumes


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("OTHER = 1", "AttributeError"),
        ("raise OSError('no disk')", "OSError: no disk"),
        ("MANIFEST = 'toy'", "toy_bad:MANIFEST is not a ServiceManifest"),
        (GOOD.format(name="other", port=7001, more=""), "is called 'other' in its manifest"),
        (
            GOOD.format(name="bad", port=7001, more="tables=lambda: None,"),
            "declares only one of tables and migrations",
        ),
        (
            GOOD.format(name="bad", port=7001, more="consumer=lambda: None,"),
            "declares a consumer and no tables",
        ),
    ],
)
def test_a_bad_manifest_is_named_with_the_way_out(
    install: Install, source: str, reason: str
) -> None:
    install("bad", source)
    with pytest.raises(ManifestError) as raised:
        find()
    assert "the service 'bad' of the package toy_bad" in str(raised.value)
    assert reason in str(raised.value)
    assert "install toy_bad again (`make setup`), or uninstall toy_bad." in str(raised.value)


def test_two_services_with_one_port_are_both_named(install: Install) -> None:
    install("one", port=7001)
    install("other", port=7001)
    with pytest.raises(ManifestError, match="two services have the port '7001': one and other"):
        find()


def test_two_services_that_would_share_a_package_are_both_named(install: Install) -> None:
    install("toy-x", port=7002, more="")
    install("toy_x", port=7003, more="")
    with pytest.raises(ManifestError, match="have the name 'toy_x': toy-x and toy_x"):
        find()
