"""The secrets of webhooks' sources: which are missing, and none of them in what is kept."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

from baton.logs import logger
from baton.policy.bundle import Bundle
from baton.runtime.status import Status
from baton.values import fits_header
from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.catalogue import sender_of
from ingest.senders.kit import signing
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.signing import UnusableSecretError

_MIN_REDACTED_LENGTH = 8
"""A shorter secret may be a word that somebody writes."""
_LOG = logger(__name__)


def redacted(source: SignedSource, delivery: Delivery, environment: Mapping[str, str]) -> Delivery:
    """Some vendors send along the whole address that they send to, a secret in it and all."""
    body = delivery.body
    for name in source.secret_env:
        secret = environment.get(name, "")
        if len(secret) >= _MIN_REDACTED_LENGTH:
            # As it is, in an address, and in PHP's JSON.
            for written in (secret, quote(secret, safe=""), secret.replace("/", "\\/")):
                body = body.replace(written.encode(), b"***")
    return replace(delivery, body=body)


def missing_settings(
    source: SignedSource, environment: Mapping[str, str], address: str | None
) -> tuple[str, ...]:
    """The variables that a source needs and that are not as its sender has them."""
    schemes = sender_of(source).signing(source)
    missing = []
    for name in source.variables:
        try:
            signing.key(schemes, environment.get(name, ""))
        except UnusableSecretError:
            missing.append(name)
    if address is None and signing.signs_address(schemes):
        missing.append("BATON_WEBHOOKS_URL")
    return tuple(missing)


async def watch_secrets(
    in_force: Callable[[], Bundle | None],
    environment: Mapping[str, str],
    address: str | None,
    status: Status,
    pause: timedelta,
) -> None:
    """Say which sources can't be taken for want of a secret, with each new bundle; for ever."""
    last_hash = None
    while True:
        bundle = in_force()
        if bundle is not None and bundle.hash != last_hash:
            last_hash = bundle.hash
            _say_what_is_missing(bundle, environment, address, status)
        await asyncio.sleep(pause.total_seconds())


def _say_what_is_missing(
    bundle: Bundle, environment: Mapping[str, str], address: str | None, status: Status
) -> None:
    found = {
        name: (
            *missing_settings(source, environment, address),
            *_missing_token(source, environment),
        )
        for name, source in sources_of(bundle).items()
        if isinstance(source, SignedSource)
    }
    missing = [f"{' and '.join(names)} for {name}" for name, names in found.items() if names]
    if missing:
        status.not_ready("webhooks", f"set in the environment: {'; '.join(missing)}")
        _LOG.error("secrets are missing", wanted=missing)
    else:
        status.ready("webhooks")


def _missing_token(source: SignedSource, environment: Mapping[str, str]) -> Sequence[str]:
    """The variable with which its vendor is asked for details, where it is of no use."""
    name = source.details.token_env if source.details else None
    if name is None or fits_header(environment.get(name, "")):
        return []
    there = environment.get(name)
    return [f"{name} (it has a character that no header can have)" if there else name]
