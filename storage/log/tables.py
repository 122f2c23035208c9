"""Every SQL table.

people                who talks to the bot
updates               what a channel delivered, until it is handled, and that it was handled
chats                 where people talk to the bot
  dialogues           the talks of a chat, one of them open
    turns             what was said, and what was asked for without words; dropped turns and older versions stay
    replies           every answer that was handed on, those that failed or came too late included
      answers         which turns a reply answers
      generations     every draw of the model that was made for it
    outbox            what the bot has to send, and how far it got
      outbox_parts    the channel's ids of the messages that it became

Times are seconds since the epoch. The id of a dialogue is random, so that live state which outlived its database is
never taken for that of another dialogue; a reply's id comes from the worker; all other ids count up and are never given
twice.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    literal_column,
)

from storage.log.safe_text import SafeText

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite counts up only in a column that is exactly INTEGER, and only AUTOINCREMENT never gives an erased id again.
Id = BigInteger().with_variant(Integer(), "sqlite")

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String, nullable=False),
    Column("external_id", SafeText, nullable=False),
    Column("name", SafeText, nullable=False),
    Column("language", SafeText, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("channel", "external_id"),
    sqlite_autoincrement=True,
)

updates = Table(
    "updates",
    metadata,
    Column("bot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", SafeText),  # Erased when handled: what is worth keeping is in the other tables by then.
    Column("received_at", Double, nullable=False, index=True),
    Column("handled_at", Double),
)

chats = Table(
    "chats",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String, nullable=False),
    Column("external_id", SafeText, nullable=False),
    Column("kind", String, nullable=False),
    Column("language", String, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("channel", "external_id"),
    sqlite_autoincrement=True,
)

dialogues = Table(
    "dialogues",
    metadata,
    Column("id", String, primary_key=True),
    Column("chat_id", ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("seed", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("closed_at", Double),
    # What the inbox filters and sorts by, kept by `storage.log.touching`.
    Column("messages", Integer, nullable=False, server_default="0"),
    Column("retries", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("dislikes", Integer, nullable=False, server_default="0"),
    Column("likelihood", Double),  # The lowest of its replies: mean log-probability per token.
    Column("model", String, nullable=False, server_default=""),
    Column("promotion", Id, nullable=False, server_default="0"),  # By which the last reply was written; 0 for none.
    Column("last_turn_id", Id),
    Column("last_at", Double, nullable=False, server_default="0"),
    Column("touched_at", Double, nullable=False, server_default="0"),
    # What operators decided.
    Column("status", String, nullable=False, server_default="pending"),
    Column("snoozed_until", Double),
    Column("approval", String, nullable=False, server_default=""),
    Column("assignee_id", ForeignKey("operators.id", ondelete="SET NULL")),
    # Who answers in the bot's place, and until when.
    Column("claimed_by", ForeignKey("operators.id", ondelete="SET NULL")),
    Column("claimed_until", Double),
    Column("human_wanted_at", Double),
)

replies = Table(
    "replies",
    metadata,
    Column("id", String, primary_key=True),
    Column("dialogue_id", ForeignKey("dialogues.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("ask", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("is_stale", Boolean, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dialogue_id", ForeignKey("dialogues.id", ondelete="CASCADE"), nullable=False),
    Column("speaker", String, nullable=False),
    Column("author", String, nullable=False),
    Column("person_id", ForeignKey("people.id", ondelete="SET NULL")),
    Column("speaker_name", SafeText, nullable=False),
    Column("ask", String, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("external_id", SafeText, nullable=False),
    Column("state", String, nullable=False),
    Column("position", Integer),  # The place in the transcript; none while it waits, nor for what has no words.
    Column("version", Integer, nullable=False),
    Column("replaces", ForeignKey("turns.id", ondelete="SET NULL")),
    Column("reply_id", ForeignKey("replies.id", ondelete="CASCADE"), unique=True),
    Column("created_at", Double, nullable=False),
    Column("dropped_at", Double),
    Index("ix_turns_dialogue_id", "dialogue_id", "id"),
    Index("ix_turns_created_at", "created_at"),
    sqlite_autoincrement=True,
)

answers = Table(
    "answers",
    metadata,
    Column("reply_id", ForeignKey("replies.id", ondelete="CASCADE"), primary_key=True),
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

generations = Table(
    "generations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reply_id", ForeignKey("replies.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),  # 1 for the first draw; the last one is what the reply was made of.
    Column("seed", String, nullable=False),
    Column("seed_hash", String, nullable=False),
    Column("prompt_hash", String, nullable=False),
    Column("model", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("sampling", JSON, nullable=False),
    Column("draw", BigInteger, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("stop", String, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("reused_tokens", Integer, nullable=False),
    Column("new_tokens", Integer, nullable=False),
    Column("queued_s", Double, nullable=False),
    Column("first_token_s", Double, nullable=False),
    Column("duration_s", Double, nullable=False),
    Column("likelihood", Double),  # Mean log-probability per token; none where the engine does not say.
    Column("adapter", String, nullable=False, server_default=""),
    Column("promotion", Id, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dialogue_id", ForeignKey("dialogues.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), index=True),
    Column("text", SafeText, nullable=False),
    Column("buttons", JSON, nullable=False),
    Column("reply_to", SafeText, nullable=False),
    Column("outcome", String, nullable=False),
    Column("state", String, nullable=False),
    Column("sent_parts", Integer, nullable=False),
    Column("is_maybe_duplicate", Boolean, nullable=False),
    Column("failure", SafeText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("sent_at", Double),
    sqlite_autoincrement=True,
)

outbox_parts = Table(
    "outbox_parts",
    metadata,
    Column("outbox_id", ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("external_id", SafeText, nullable=False, index=True),
    sqlite_with_rowid=False,
)

operators = Table(
    "operators",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of what the cookie holds.
    Column("operator_id", ForeignKey("operators.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf_token", String, nullable=False),
    Column("agent", SafeText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("operator_id", ForeignKey("operators.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", SafeText, nullable=False),
    Column("hash", String, nullable=False, unique=True),  # SHA-256 of the token.
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
    sqlite_autoincrement=True,
)

labels = Table(
    "labels",
    metadata,
    Column("dialogue_id", ForeignKey("dialogues.id", ondelete="CASCADE"), primary_key=True),
    Column("label", SafeText, primary_key=True),
    Index("ix_labels_label", "label", "dialogue_id"),
    sqlite_with_rowid=False,
)

notes = Table(
    "notes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dialogue_id", ForeignKey("dialogues.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("operator_id", ForeignKey("operators.id", ondelete="SET NULL")),
    Column("text", SafeText, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_autoincrement=True,
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("operator_id", ForeignKey("operators.id", ondelete="SET NULL")),
    Column("rating", String, nullable=False, server_default=""),
    Column("correction", SafeText, nullable=False, server_default=""),
    Column("reasons", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("note", SafeText, nullable=False, server_default=""),
    Column("updated_at", Double, nullable=False, index=True),
)

thumbs = Table(
    "thumbs",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("is_up", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("created_at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# No foreign keys but that of the operator: what was done stays on record when a dialogue is erased, without its words.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Double, nullable=False),
    Column("operator_id", ForeignKey("operators.id", ondelete="SET NULL"), index=True),
    Column("operator", String, nullable=False),
    Column("action", String, nullable=False),
    Column("batch", String, nullable=False, index=True),  # What one press of a key did, and one undo takes back.
    Column("dialogue_id", String, index=True),
    Column("turn_id", Id),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("undone_at", Double),
    sqlite_autoincrement=True,
)


# What answers in the place of a seed: the last one that was not withdrawn.
promotions = Table(
    "promotions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seed", String, nullable=False, index=True),
    Column("stand_in", String, nullable=False),
    Column("adapter", String, nullable=False),
    Column("share", Double, nullable=False),
    Column("proof", JSON, nullable=False),  # What showed that it is better, and where it comes from.
    Column("began_at", Double, nullable=False),
    Column("withdrawn_at", Double),
    sqlite_autoincrement=True,
)

# In which dialogues something was erased, by their hashes, and when: exports from before still hold it.
forgotten = Table(
    "forgotten",
    metadata,
    Column("dialogue", String, primary_key=True),
    Column("at", Double, nullable=False),
)

# Every worker takes them from here, whatever machine it runs on.
adapter_files = Table(
    "adapter_files",
    metadata,
    Column("adapter", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# What seeds were at work, and what operators try out: the files of seeds, byte for byte.
seed_versions = Table(
    "seed_versions",
    metadata,
    Column("version", String, primary_key=True),
    Column("seed", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("is_draft", Boolean, nullable=False),
    Column("made_at", Double, nullable=False),
)

# Which version of a seed is to be at work: the last one that was chosen, or the seed's file where that is empty.
seed_choices = Table(
    "seed_choices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seed", String, nullable=False),
    Column("follows", Id, nullable=False),  # The choice before it; 0 for the first. Of two at a time, one is refused.
    Column("version", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("note", SafeText, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("seed", "follows"),
    sqlite_autoincrement=True,
)


# States as literals: a partial index is used only for a query that spells out its condition.
is_pending = updates.c.handled_at.is_(None)
is_open = dialogues.c.closed_at.is_(None)
is_waiting = turns.c.state == literal_column("'waiting'")
is_kept = turns.c.dropped_at.is_(None)
is_spoken_in = dialogues.c.messages > literal_column("0")
is_unsent = outbox.c.state.in_([literal_column("'pending'"), literal_column("'sending'")])


def _partial(name: str, *columns: Column[object], where: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_partial("ix_updates_pending", updates.c.bot_id, updates.c.update_id, where=is_pending)
_partial("uq_dialogues_open", dialogues.c.chat_id, where=is_open, unique=True)
_partial("ix_dialogues_touched", dialogues.c.touched_at, where=is_spoken_in)
_partial("ix_dialogues_inbox", dialogues.c.last_at, dialogues.c.id, where=is_spoken_in)
for _column in (dialogues.c.status, dialogues.c.approval, dialogues.c.seed, dialogues.c.model):
    _partial(f"ix_dialogues_{_column.name}", _column, dialogues.c.last_at, dialogues.c.id, where=is_spoken_in)
_unsure = dialogues.c.likelihood.is_not(None)
_by_likelihood = (dialogues.c.likelihood, dialogues.c.id)
_partial("ix_dialogues_unlikeliest", *_by_likelihood, where=_unsure)
_partial("ix_dialogues_undecided", dialogues.c.approval, *_by_likelihood, where=_unsure)
_partial("ix_dialogues_unsure_by_status", dialogues.c.status, *_by_likelihood, where=_unsure)
_assigned = dialogues.c.assignee_id.is_not(None)
_partial("ix_dialogues_assignee", dialogues.c.assignee_id, dialogues.c.last_at, where=_assigned)
_partial("ix_dialogues_retried", dialogues.c.last_at, where=dialogues.c.retries > literal_column("0"))
_partial("ix_dialogues_failed", dialogues.c.last_at, where=dialogues.c.failures > literal_column("0"))
_partial("ix_dialogues_disliked", dialogues.c.last_at, where=dialogues.c.dislikes > literal_column("0"))
_partial("ix_dialogues_claimed", dialogues.c.claimed_until, where=dialogues.c.claimed_until.is_not(None))
_partial("ix_dialogues_human", dialogues.c.human_wanted_at, where=dialogues.c.human_wanted_at.is_not(None))
_partial("ix_dialogues_snoozed", dialogues.c.snoozed_until, where=dialogues.c.snoozed_until.is_not(None))
_partial("uq_turns_place", turns.c.dialogue_id, turns.c.position, where=is_kept, unique=True)
_partial("ix_turns_waiting", turns.c.dialogue_id, where=is_waiting)
_partial("ix_turns_person_id", turns.c.person_id, where=turns.c.person_id.is_not(None))
_partial("ix_turns_replaces", turns.c.replaces, where=turns.c.replaces.is_not(None))
_partial("ix_outbox_unsent", outbox.c.id, where=is_unsent)
