"""The settings that a notices process reads from its environment."""

from pydantic import Field

from baton.settings import ApiSettings, DatabaseSettings


class Settings(ApiSettings, DatabaseSettings):
    """An API and a database; no Kafka."""

    port: int = Field(8190, ge=0, le=65535)
