"""The table of notices, with its retention."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, MetaData, Table, Text, func

METADATA = MetaData()

NOTICE = Table(
    "notice",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("text", Text, nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="Notices for the sales floor. Kept for good.",
)
