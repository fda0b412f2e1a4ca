"""The monitor's tables: the runner's, where each lead's clocks are, and a list of them for the API.

The names of the columns of `clock` are those of `records.ClockRecord`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)

from baton.runtime.tables import TIME, define

METADATA = MetaData()
define(METADATA)

_BREACHED = text("breached_at IS NOT NULL")

CLOCK = Table(
    "clock",
    METADATA,
    Column("clock_id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("assignment_id", Uuid, nullable=False),
    Column("target", Text, nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("side", Text, nullable=False),
    Column("rep", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("allowed_seconds", BigInteger, nullable=False),
    Column("reassign", Boolean, nullable=False),
    Column("started_at", TIME, nullable=False),
    Column("warn_at", TIME),
    Column("due_at", TIME, nullable=False),
    Column("state", Text, nullable=False),
    Column("fact", Uuid),
    Column("used_seconds", BigInteger),
    Column("warned_at", TIME),
    Column("answered_at", TIME),
    Column("ended_at", TIME),
    Column("breached_at", TIME),
    Column("late_seconds", BigInteger),
    Column("facts_complete", Boolean, nullable=False),
    Column("due_before", TIME),
    Column("moved_at", TIME),
    Column("moved_by", Uuid),
    Column("retracted_code", Text),
    Index("clock_lead", "lead_id", "started_at"),
    Index("clock_breach", "breached_at", "clock_id", postgresql_where=_BREACHED),
    Index("clock_breach_team", "team", "breached_at", "clock_id", postgresql_where=_BREACHED),
    Index("clock_breach_pool", "pool", "breached_at", "clock_id", postgresql_where=_BREACHED),
    postgresql_with={"fillfactor": 70},
    comment="Each promise and how it stands, for the API. Kept until its lead is erased.",
)
