"""Scoring's tables: the runner's, where each lead's state is, and the history of scores."""

from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

from baton.runtime.tables import TIME, define

METADATA = MetaData()
define(METADATA)

SUBJECT = METADATA.tables["subject"]

HISTORY_KEPT = 500
"""So many changes of one lead's score are kept, the newest."""

HISTORY = Table(
    "score_history",
    METADATA,
    Column("lead_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False),
    Column("at", TIME, nullable=False),
    Column("occurred_at", TIME, nullable=False),
    Column("cause", Uuid, nullable=False),
    Column("enquiry", Uuid),
    Column("new_enquiry", Boolean, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("fit", Integer, nullable=False),
    Column("engagement", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("grade", Text, nullable=False),
    Column("stage_before", Text),
    Column("stage", Text, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("policy", Text, nullable=False),
    Column("qualified_at", TIME),
    comment="Each lead.scored, counted by lead. The newest 500 of a lead, until it is erased.",
)
