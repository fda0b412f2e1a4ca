"""Routing's tables: the runner's, what the shards share, and what the API tells.

No foreign key points at `pool` or `rep`: it would take locks on their rows out of order.
"""

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSON

from baton.runtime.tables import TIME, define

METADATA = MetaData()
define(METADATA)

POOL = Table(
    "pool",
    METADATA,
    Column("id", Text, primary_key=True),
    # In units of weight; read and written only by processes of earlier releases.
    Column("credits", JSON, nullable=False, server_default="{}"),
    # In billionths of a lead.
    Column("balances", JSON, nullable=False, server_default="{}"),
    postgresql_with={"fillfactor": 50},
    comment="Whose turn it is in each pool, by rep. Kept for good: pools may come back.",
)

REP = Table(
    "rep",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("open_leads", Integer, nullable=False, server_default="0"),
    Column("last_assigned_at", TIME),
    postgresql_with={"fillfactor": 50},
    comment="How many open leads each rep has. Kept for good: reps may come back.",
)

ASSIGNMENT = Table(
    "assignment",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("decision_id", Uuid, nullable=False),
    Column("enquiry", Uuid),
    Column("attempt", Integer, nullable=False),
    Column("rep", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("sla_policy", Text, nullable=False),
    Column("previous_rep", Text),
    Column("assigned_at", TIME, nullable=False),
    Column("accepted_at", TIME),
    Column("worked_at", TIME),
    Column("ended_at", TIME),
    Column("ended_code", Text),
    Column("ended_reason", Text),
    Index("assignment_lead", "lead_id", "assigned_at"),
    Index("assignment_current", "lead_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    postgresql_with={"fillfactor": 80},
    comment="Who had which lead when; at most one is current. Kept until its lead is erased.",
)

DECISION = Table(
    "decision",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("cause", Uuid, nullable=False),
    Column("at", TIME, nullable=False),
    Column("policy", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("assignment_id", Uuid),
    Column("released", Uuid),
    Column("question", JSON(none_as_null=True)),
    Column("choice", JSON(none_as_null=True)),
    Index("decision_lead", "lead_id", "at"),
    comment="What was decided and all that it depended on. Kept until its lead is erased.",
)
