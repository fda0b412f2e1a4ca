"""The settings of scoring."""

from pydantic import Field

from baton.settings import ServiceSettings


class Settings(ServiceSettings):
    """As every service's."""

    port: int = Field(8102, ge=0, le=65535)
