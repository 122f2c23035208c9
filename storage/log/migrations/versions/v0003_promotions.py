"""Promotions: what answers in a seed's place, by which of them a reply was written, adapters; and who is forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; older replies were written by no promotion."""
    op.create_table(
        "promotions",
        sa.Column("id", ID, nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("stand_in", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("proof", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("withdrawn_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotions_seed", "promotions", ["seed"])
    op.create_table(
        "adapter_files",
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("adapter", "name", name="pk_adapter_files"),
    )
    op.create_table(
        "forgotten",
        sa.Column("dialogue", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("dialogue", name="pk_forgotten"),
    )
    op.add_column("dialogues", sa.Column("promotion", ID, nullable=False, server_default="0"))
    op.add_column("generations", sa.Column("adapter", sa.String(), nullable=False, server_default=""))
    op.add_column("generations", sa.Column("promotion", ID, nullable=False, server_default="0"))
