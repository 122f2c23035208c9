"""The versions of seeds, and which of them operators chose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; what was at work before is known by its hash only."""
    op.create_table(
        "seed_versions",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("is_draft", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_seed_versions"),
    )
    op.create_table(
        "seed_choices",
        sa.Column("id", ID, nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("follows", ID, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seed_choices"),
        sa.UniqueConstraint("seed", "follows", name="uq_seed_choices_seed_follows"),
        sqlite_autoincrement=True,
    )
