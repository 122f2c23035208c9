"""Where operators are logged in, and the tokens of their programs: the database holds nothing that opens a door."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from storage.log.tables import operators, sessions, tokens
from storage.log.transaction import Transaction
from storage.operators import Operator, Role, Session, Token

# A session ends when it was not used for a working day, and at the latest after a week.
IDLE_S = 12 * 3600.0
LONGEST_S = 7 * 24 * 3600.0

# The time of the last use is written this often at most: pages ask every few seconds.
_SEEN_EVERY_S = 60.0

_read_session = (
    select(sessions, operators.c.name, operators.c.role, operators.c.is_active)
    .join(operators)
    .where(
        sessions.c.id == bindparam("session"),
        operators.c.is_active,
        sessions.c.seen_at > bindparam("idle_since"),
        sessions.c.created_at > bindparam("old_since"),
    )
)
_see = update(sessions).where(sessions.c.id == bindparam("session")).values(seen_at=bindparam("now"))
_drop_old = delete(sessions).where(
    (sessions.c.seen_at <= bindparam("idle_since")) | (sessions.c.created_at <= bindparam("old_since"))
)
_read_token = (
    select(
        tokens.c.id.label("token_id"),
        tokens.c.name.label("token_name"),
        tokens.c.created_at.label("made_at"),
        tokens.c.used_at,
        operators,
    )
    .join(operators)
    .where(tokens.c.hash == bindparam("hash"), operators.c.is_active)
)
_use = update(tokens).where(tokens.c.id == bindparam("token")).values(used_at=bindparam("now"))


class Logins(Transaction):
    """Sessions and tokens."""

    async def open_session(self, operator: Operator, agent: str) -> tuple[str, Session]:
        """Log an operator in; return what the cookie is to hold, which is not kept, and the session."""
        now = self._clock()
        await self._run(_drop_old, self._limits())
        secret = secrets.token_urlsafe(32)
        session = Session(hashed(secret), operator, secrets.token_urlsafe(32), agent[:200], now, now)
        row = {"id": session.id, "operator_id": operator.id, "csrf_token": session.csrf_token, "agent": session.agent}
        await self._run(insert(sessions), {**row, "created_at": now, "seen_at": now})
        return secret, session

    def is_use_due(self, session: Session) -> bool:
        """Say whether it is time to note that a session is used."""
        return self._clock() - session.seen_at >= _SEEN_EVERY_S

    async def note_use(self, session: Session) -> None:
        """Keep a session from ending for want of use."""
        await self._run(_see, {"session": session.id, "now": self._clock()})

    async def session(self, secret: str) -> Session | None:
        """Return the session of a cookie; None where it has ended."""
        row = (await self._run(_read_session, {"session": hashed(secret), **self._limits()})).one_or_none()
        return None if row is None else session_of(row)

    async def sessions_of(self, operator_id: int) -> list[Session]:
        """Return where an operator is logged in, the last used first."""
        found = (
            select(sessions, operators.c.name, operators.c.role, operators.c.is_active)
            .join(operators)
            .where(
                sessions.c.operator_id == operator_id,
                sessions.c.seen_at > self._limits()["idle_since"],
                sessions.c.created_at > self._limits()["old_since"],
            )
            .order_by(sessions.c.seen_at.desc())
        )
        return [session_of(row) for row in await self._run(found)]

    async def end_session(self, session_id: str, operator_id: int | None = None) -> bool:
        """Log a browser out, if it is that operator's; say whether there was such a session."""
        statement = delete(sessions).where(sessions.c.id == session_id)
        if operator_id is not None:
            statement = statement.where(sessions.c.operator_id == operator_id)
        return (await self._run(statement)).rowcount == 1

    async def make_token(self, operator: Operator, name: str) -> tuple[str, Token]:
        """Make a token for an operator's program; it is returned once and only its hash is kept."""
        secret = f"gvr_{secrets.token_urlsafe(32)}"
        row = {"operator_id": operator.id, "name": name, "hash": hashed(secret), "created_at": self._clock()}
        id = (await self._run(insert(tokens).returning(tokens.c.id), row)).scalar_one()
        return secret, Token(id, name, self._clock(), None)

    async def tokens_of(self, operator_id: int) -> list[Token]:
        """Return the tokens of an operator, oldest first."""
        rows = await self._run(select(tokens).where(tokens.c.operator_id == operator_id).order_by(tokens.c.id))
        return [Token(row.id, row.name, row.created_at, row.used_at) for row in rows]

    async def end_token(self, token_id: int, operator_id: int) -> bool:
        """Make a token of an operator worthless; say whether there was one."""
        statement = delete(tokens).where(tokens.c.id == token_id, tokens.c.operator_id == operator_id)
        return (await self._run(statement)).rowcount == 1

    async def operator_with(self, token: str) -> tuple[Operator, Token] | None:
        """Return the operator whose token it is, with the token's record."""
        row = (await self._run(_read_token, {"hash": hashed(token)})).one_or_none()
        if row is None:
            return None
        return operator_of(row), Token(row.token_id, row.token_name, row.made_at, row.used_at)

    def is_token_use_due(self, token: Token) -> bool:
        """Say whether it is time to note that a token is used."""
        return token.used_at is None or self._clock() - token.used_at >= _SEEN_EVERY_S

    async def note_token_use(self, token: Token) -> None:
        """Note when a token was used last."""
        await self._run(_use, {"token": token.id, "now": self._clock()})

    def _limits(self) -> dict[str, float]:
        return {"idle_since": self._clock() - IDLE_S, "old_since": self._clock() - LONGEST_S}


def hashed(secret: str) -> str:
    """Return how a secret is kept: it is as long as its hash, so a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def operator_of(row: Row[Any]) -> Operator:
    """Return the operator of a row."""
    return Operator(row.id, row.name, Role(row.role), row.is_active, row.created_at)


def session_of(row: Row[Any]) -> Session:
    """Return the session of a row that names its operator too."""
    operator = Operator(row.operator_id, row.name, Role(row.role), row.is_active)
    return Session(row.id, operator, row.csrf_token, row.agent, row.created_at, row.seen_at)
