"""Notices in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from notices.tables import NOTICE


class Notices:
    """All SQL of the service."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def post(self, text: str) -> RowMapping:
        """Add a notice, and return its row."""
        async with self._engine.begin() as db:
            found = await db.execute(insert(NOTICE).values(text=text).returning(NOTICE))
            row: RowMapping = found.mappings().one()
            return row

    async def newest(self, limit: int) -> Sequence[RowMapping]:
        """The newest notices first."""
        query = select(NOTICE).order_by(NOTICE.c.id.desc()).limit(limit)
        async with self._engine.connect() as db:
            return (await db.execute(query)).mappings().all()
