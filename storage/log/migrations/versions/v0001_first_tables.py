"""The first tables: people, chats, dialogues, turns, replies with their generations, updates and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chats",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("channel", "external_id", name="uq_chats_channel_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "people",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("channel", "external_id", name="uq_people_channel_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "updates",
        sa.Column("bot_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("update_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("handled_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("bot_id", "update_id", name="pk_updates"),
    )
    _partial_index("ix_updates_pending", "updates", ["bot_id", "update_id"], "handled_at IS NULL")
    op.create_index("ix_updates_received_at", "updates", ["received_at"])
    op.create_table(
        "dialogues",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("chat_id", ID, nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_dialogues_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_dialogues"),
    )
    op.create_index("ix_dialogues_chat_id", "dialogues", ["chat_id"])
    _partial_index("uq_dialogues_open", "dialogues", ["chat_id"], "closed_at IS NULL", unique=True)
    op.create_table(
        "replies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dialogue_id", sa.String(), nullable=False),
        sa.Column("ask", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["dialogue_id"], ["dialogues.id"], name="fk_replies_dialogue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_replies"),
    )
    op.create_index("ix_replies_dialogue_id", "replies", ["dialogue_id"])
    op.create_table(
        "generations",
        sa.Column("id", ID, nullable=False),
        sa.Column("reply_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("seed_hash", sa.String(), nullable=False),
        sa.Column("prompt_hash", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("sampling", sa.JSON(), nullable=False),
        sa.Column("draw", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stop", sa.String(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("reused_tokens", sa.Integer(), nullable=False),
        sa.Column("new_tokens", sa.Integer(), nullable=False),
        sa.Column("queued_s", sa.Double(), nullable=False),
        sa.Column("first_token_s", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_generations_reply_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_generations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_generations_reply_id", "generations", ["reply_id"])
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("dialogue_id", sa.String(), nullable=False),
        sa.Column("speaker", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("speaker_name", sa.Text(), nullable=False),
        sa.Column("ask", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaces", ID, nullable=True),
        sa.Column("reply_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("dropped_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["dialogue_id"], ["dialogues.id"], name="fk_turns_dialogue_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_turns_person_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["replaces"], ["turns.id"], name="fk_turns_replaces", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_turns_reply_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("reply_id", name="uq_turns_reply_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_turns_dialogue_id", "turns", ["dialogue_id"])
    _partial_index("ix_turns_person_id", "turns", ["person_id"], "person_id IS NOT NULL")
    _partial_index("ix_turns_replaces", "turns", ["replaces"], "replaces IS NOT NULL")
    _partial_index("ix_turns_waiting", "turns", ["dialogue_id"], "state = 'waiting'")
    _partial_index("uq_turns_place", "turns", ["dialogue_id", "position"], "dropped_at IS NULL", unique=True)
    op.create_table(
        "answers",
        sa.Column("reply_id", sa.String(), nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["reply_id"], ["replies.id"], name="fk_answers_reply_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_answers_turn_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reply_id", "turn_id", name="pk_answers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_answers_turn_id", "answers", ["turn_id"])
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("dialogue_id", sa.String(), nullable=False),
        sa.Column("turn_id", ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("buttons", sa.JSON(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_parts", sa.Integer(), nullable=False),
        sa.Column("is_maybe_duplicate", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["dialogue_id"], ["dialogues.id"], name="fk_outbox_dialogue_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_outbox_turn_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_dialogue_id", "outbox", ["dialogue_id"])
    op.create_index("ix_outbox_turn_id", "outbox", ["turn_id"])
    _partial_index("ix_outbox_unsent", "outbox", ["id"], "state IN ('pending', 'sending')")
    op.create_table(
        "outbox_parts",
        sa.Column("outbox_id", ID, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_parts_outbox_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outbox_id", "part", name="pk_outbox_parts"),
        sqlite_with_rowid=False,
    )


def _partial_index(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
