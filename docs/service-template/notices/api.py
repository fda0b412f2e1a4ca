"""The API of notices."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from notices.metrics import NoticeMetrics
from notices.store import Notices


class NoticeIn(BaseModel):
    """A notice to post."""

    text: str = Field(min_length=1, max_length=1_000)


class NoticeView(NoticeIn):
    """A notice that was posted."""

    id: int
    posted_at: AwareDatetime


def router(notices: Notices, metrics: NoticeMetrics) -> APIRouter:
    """The routes under `/v1/notices`."""
    routes = APIRouter(prefix="/v1/notices", tags=["notices"])

    @routes.post("", status_code=201)
    async def post_notice(notice: NoticeIn) -> NoticeView:
        """Post a notice."""
        row = await notices.post(notice.text)
        metrics.notices.inc()
        return NoticeView.model_validate(dict(row))

    @routes.get("")
    async def list_notices(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[NoticeView]:
        """The newest notices first."""
        return [NoticeView.model_validate(dict(row)) for row in await notices.newest(limit)]

    return routes
