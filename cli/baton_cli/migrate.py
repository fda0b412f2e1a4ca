"""`baton migrate`: the services' schemas in PostgreSQL."""

from pathlib import Path
from typing import Annotated

import typer

from baton.settings import DatabaseSettings
from baton_cli.failures import MISUSED, Failure
from baton_cli.screen import output
from baton_cli.service import Service
from baton_cli.settings import database_settings


def migrate(
    service: Annotated[
        Service | None, typer.Argument(help="One service's schema only; all by default.")
    ] = None,
) -> None:
    """Bring the services' schemas in PostgreSQL up to date.

    Needs BATON_DATABASE_URL. It can be repeated, and several can run at one time: they take turns.
    """
    settings = database_settings()
    for service_to_migrate in [service] if service else list(Service):
        migrations = service_to_migrate.manifest.migrations
        if migrations is None:
            if service is not None:
                raise Failure(f"{service} has no schema in PostgreSQL", exit_code=MISUSED)
            continue
        _upgrade(settings, service_to_migrate, migrations)
        output().print(f"{service_to_migrate}: schema {service_to_migrate.schema} is up to date")


def _upgrade(settings: DatabaseSettings, service: Service, folder: Path) -> None:
    # Alembic and SQLAlchemy take a second to import, which only this command shall cost.
    from alembic.util import CommandError  # noqa: PLC0415 - see above
    from asyncpg import PostgresError  # noqa: PLC0415 - see above
    from sqlalchemy.exc import ArgumentError, DBAPIError  # noqa: PLC0415 - see above

    from baton import migrations  # noqa: PLC0415 - see above

    try:
        migrations.upgrade(settings, service.schema, folder)
    except (DBAPIError, PostgresError, OSError, ArgumentError) as error:
        raise Failure(
            f"PostgreSQL does not do what it is asked for {service}: {_first_line(error)}",
            "Is it running, and does BATON_DATABASE_URL name it, with a user who may do this?",
        ) from error
    except CommandError as error:
        raise Failure(
            f"the migrations of {service} can't be run: {error}",
            "A schema that a newer release has migrated needs that release.",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
