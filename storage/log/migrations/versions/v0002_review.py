"""Review: operators and what they decide, what people think of replies, and full-text search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and indexes, and fill in what is known of older dialogues."""
    _make_operators()
    _widen_dialogues()
    _make_judgements()
    op.add_column("generations", sa.Column("likelihood", sa.Double(), nullable=True))
    op.drop_index("ix_turns_dialogue_id", "turns")
    op.create_index("ix_turns_dialogue_id", "turns", ["dialogue_id", "id"])
    op.create_index("ix_turns_created_at", "turns", ["created_at"])
    op.create_index("ix_replies_created_at", "replies", ["created_at"])
    op.create_index("ix_outbox_parts_external_id", "outbox_parts", ["external_id"])
    _fill_in()
    _index_dialogues()
    if op.get_bind().dialect.name == "sqlite":
        _search_sqlite()
    else:
        _search_postgresql()
        _count_postgresql()


def _make_operators() -> None:
    op.create_table(
        "operators",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operators"),
        sa.UniqueConstraint("name", name="uq_operators_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operator_id", ID, nullable=False),
        sa.Column("csrf_token", sa.String(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_sessions_operator_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_operator_id", "sessions", ["operator_id"])
    op.create_table(
        "tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("operator_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_tokens_operator_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_operator_id", "tokens", ["operator_id"])
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("operator_id", ID, nullable=True),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("dialogue_id", sa.String(), nullable=True),
        sa.Column("turn_id", ID, nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("undone_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_audit_operator_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    for column in ("operator_id", "batch", "dialogue_id"):
        op.create_index(f"ix_audit_{column}", "audit", [column])


def _widen_dialogues() -> None:
    for name in ("messages", "retries", "failures", "dislikes"):
        op.add_column("dialogues", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("dialogues", sa.Column("likelihood", sa.Double(), nullable=True))
    op.add_column("dialogues", sa.Column("model", sa.String(), nullable=False, server_default=""))
    op.add_column("dialogues", sa.Column("last_turn_id", ID, nullable=True))
    op.add_column("dialogues", sa.Column("last_at", sa.Double(), nullable=False, server_default="0"))
    op.add_column("dialogues", sa.Column("touched_at", sa.Double(), nullable=False, server_default="0"))
    op.add_column("dialogues", sa.Column("status", sa.String(), nullable=False, server_default="pending"))
    op.add_column("dialogues", sa.Column("snoozed_until", sa.Double(), nullable=True))
    op.add_column("dialogues", sa.Column("approval", sa.String(), nullable=False, server_default=""))
    for name in ("assignee_id", "claimed_by"):
        reference = sa.ForeignKey("operators.id", name=f"fk_dialogues_{name}", ondelete="SET NULL")
        # Inline: SQLite cannot add a constraint to a table that is there already.
        op.add_column("dialogues", sa.Column(name, ID, reference, nullable=True), inline_references=True)
    op.add_column("dialogues", sa.Column("claimed_until", sa.Double(), nullable=True))
    op.add_column("dialogues", sa.Column("human_wanted_at", sa.Double(), nullable=True))


def _make_judgements() -> None:
    op.create_table(
        "labels",
        sa.Column("dialogue_id", sa.String(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dialogue_id"], ["dialogues.id"], name="fk_labels_dialogue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dialogue_id", "label", name="pk_labels"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_labels_label", "labels", ["label", "dialogue_id"])
    op.create_table(
        "notes",
        sa.Column("id", ID, nullable=False),
        sa.Column("dialogue_id", sa.String(), nullable=False),
        sa.Column("operator_id", ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["dialogue_id"], ["dialogues.id"], name="fk_notes_dialogue_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_notes_operator_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notes_dialogue_id", "notes", ["dialogue_id"])
    op.create_table(
        "verdicts",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("operator_id", ID, nullable=True),
        sa.Column("rating", sa.String(), nullable=False, server_default=""),
        sa.Column("correction", sa.Text(), nullable=False, server_default=""),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_verdicts_turn_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_verdicts_operator_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("turn_id", name="pk_verdicts"),
    )
    op.create_index("ix_verdicts_updated_at", "verdicts", ["updated_at"])
    op.create_table(
        "thumbs",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("is_up", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_thumbs_turn_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_thumbs_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("turn_id", "person_id", name="pk_thumbs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_thumbs_person_id", "thumbs", ["person_id"])


def _fill_in() -> None:
    """Tell the inbox of older dialogues what it will be told of new ones; see `storage.log.touching`."""
    op.execute(
        """
        UPDATE dialogues SET
            -- However often it was reworded, a message has one turn of version 1.
            messages = (
                SELECT count(*) FROM turns
                WHERE dialogue_id = dialogues.id AND ask = 'say' AND speaker = 'User1' AND version = 1
            ),
            retries = (
                SELECT count(*) FROM replies
                WHERE dialogue_id = dialogues.id AND ask = 'retry' AND outcome = 'answered' AND NOT is_stale
            ),
            failures = (
                SELECT count(*) FROM replies
                WHERE dialogue_id = dialogues.id AND outcome != 'answered' AND NOT is_stale
            ),
            model = coalesce((
                SELECT generations.model FROM generations JOIN replies ON replies.id = generations.reply_id
                WHERE replies.dialogue_id = dialogues.id AND NOT replies.is_stale
                ORDER BY generations.id DESC LIMIT 1
            ), ''),
            last_turn_id = (
                SELECT max(turns.id) FROM turns
                WHERE dialogue_id = dialogues.id AND ask = 'say' AND dropped_at IS NULL
            )
        """
    )
    op.execute(
        """
        UPDATE dialogues SET
            last_at = coalesce((SELECT created_at FROM turns WHERE turns.id = last_turn_id), opened_at),
            touched_at = coalesce((SELECT created_at FROM turns WHERE turns.id = last_turn_id), opened_at)
        """
    )


def _index_dialogues() -> None:
    inbox = ["last_at", "id"]
    is_spoken_in = "messages > 0"
    _partial_index("ix_dialogues_inbox", inbox, is_spoken_in)
    for name in ("status", "approval", "seed", "model"):
        _partial_index(f"ix_dialogues_{name}", [name, *inbox], is_spoken_in)
    _partial_index("ix_dialogues_touched", ["touched_at"], is_spoken_in)
    for name, columns in (("unlikeliest", []), ("undecided", ["approval"]), ("unsure_by_status", ["status"])):
        _partial_index(f"ix_dialogues_{name}", [*columns, "likelihood", "id"], "likelihood IS NOT NULL")
    _partial_index("ix_dialogues_retried", ["last_at"], "retries > 0")
    _partial_index("ix_dialogues_failed", ["last_at"], "failures > 0")
    _partial_index("ix_dialogues_disliked", ["last_at"], "dislikes > 0")
    _partial_index("ix_dialogues_assignee", ["assignee_id", "last_at"], "assignee_id IS NOT NULL")
    _partial_index("ix_dialogues_claimed", ["claimed_until"], "claimed_until IS NOT NULL")
    _partial_index("ix_dialogues_human", ["human_wanted_at"], "human_wanted_at IS NOT NULL")
    _partial_index("ix_dialogues_snoozed", ["snoozed_until"], "snoozed_until IS NOT NULL")


def _search_sqlite() -> None:
    """Let SQLite keep an index of the words of turns; it reads the texts themselves from there.

    All without the dots of ё, which most people leave out.
    """
    op.execute(
        "CREATE VIEW turn_words_source AS SELECT id, replace(replace(text, 'ё', 'е'), 'Ё', 'Е') AS text FROM turns"
    )
    op.execute(
        "CREATE VIRTUAL TABLE turn_words USING"
        " fts5(text, content='turn_words_source', content_rowid='id', tokenize='unicode61')"
    )
    op.execute("CREATE VIRTUAL TABLE turn_words_vocabulary USING fts5vocab(turn_words, row)")
    op.execute("INSERT INTO turn_words(turn_words) VALUES ('rebuild')")
    add = "INSERT INTO turn_words(rowid, text) VALUES (new.id, replace(replace(new.text, 'ё', 'е'), 'Ё', 'Е'));"
    remove = (
        "INSERT INTO turn_words(turn_words, rowid, text)"
        " VALUES ('delete', old.id, replace(replace(old.text, 'ё', 'е'), 'Ё', 'Е'));"
    )
    op.execute(f"CREATE TRIGGER turn_words_added AFTER INSERT ON turns BEGIN {add} END")
    op.execute(f"CREATE TRIGGER turn_words_removed AFTER DELETE ON turns BEGIN {remove} END")
    op.execute(f"CREATE TRIGGER turn_words_changed AFTER UPDATE OF text ON turns BEGIN {remove} {add} END")


def _search_postgresql() -> None:
    """Let PostgreSQL keep the words of each turn: to make them of a text takes longer than to find it."""
    # As `russian`, which stems words in Latin letters as English ones, but with all words: whoever looks for
    # "does not work" does not mean "work".
    for language in ("russian", "english"):
        op.execute(f"CREATE TEXT SEARCH DICTIONARY govorun_{language} (TEMPLATE = snowball, LANGUAGE = {language})")
    op.execute("CREATE TEXT SEARCH CONFIGURATION govorun (COPY = pg_catalog.russian)")
    for language in ("russian", "english"):
        replaced = f"REPLACE {language}_stem WITH govorun_{language}"
        op.execute(f"ALTER TEXT SEARCH CONFIGURATION govorun ALTER MAPPING {replaced}")
    op.execute("ALTER TABLE turns ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('govorun', text)) STORED")
    op.execute("CREATE INDEX ix_turns_words ON turns USING gin (words)")


def _count_postgresql() -> None:
    """Have PostgreSQL look at what is in the new columns; by itself it would do so only after many changes.

    Not into empty tables: it plans for some pages of a table until it is told that there are none.
    """
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM turns)")):
        op.execute("ANALYZE dialogues, turns")


def _partial_index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "dialogues", columns, sqlite_where=condition, postgresql_where=condition)
