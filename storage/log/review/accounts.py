"""Operators' accounts: who may review, and as what."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, select, update

from dialogue.errors import ReviewError
from storage.log.review.logins import Logins, operator_of
from storage.log.safe_text import SafeText
from storage.log.tables import operators, sessions, tokens
from storage.operators import Operator, Role

# Whoever tries to log in may type anything.
_by_name = select(operators).where(operators.c.name == bindparam("name", type_=SafeText()))
_change = update(operators).where(operators.c.name == bindparam("operator"))
_set_password = _change.values(password_hash=bindparam("hash"))
_set_active = _change.values(is_active=bindparam("new"))
_set_role = _change.values(role=bindparam("new"))
_end_sessions = delete(sessions).where(
    sessions.c.operator_id.in_(select(operators.c.id).where(operators.c.name == bindparam("operator")))
)
_end_tokens = delete(tokens).where(
    tokens.c.operator_id.in_(select(operators.c.id).where(operators.c.name == bindparam("operator")))
)


class Accounts(Logins):
    """Who may review."""

    async def add_operator(self, name: str, role: Role, password_hash: str) -> Operator:
        """Make an account.

        Raises:
            ReviewError: there is one of that name.
        """
        row = {"name": name, "role": role, "password_hash": password_hash, "is_active": True}
        made = (await self._insert_new(operators, {**row, "created_at": self._clock()})).one_or_none()
        if made is None:
            raise ReviewError(
                f"there is an operator {name!r} already; to give another password: operators passwd {name}"
            )
        return Operator(made.id, name, role)

    async def operators(self) -> list[Operator]:
        """Return all operators by name."""
        return [operator_of(row) for row in await self._run(select(operators).order_by(operators.c.name))]

    async def password_of(self, name: str) -> tuple[Operator, str] | None:
        """Return an active operator with the hash of the password."""
        row = (await self._run(_by_name, {"name": name})).one_or_none()
        return None if row is None or not row.is_active else (operator_of(row), row.password_hash)

    async def set_password(self, name: str, password_hash: str) -> None:
        """Give an operator another password, and end all sessions and tokens that the old one opened.

        Raises:
            ReviewError: there is no such operator.
        """
        await self._changed(name, _set_password, hash=password_hash)
        await self._end_everything(name)

    async def rehash_password(self, name: str, password_hash: str) -> None:
        """Keep the same password under a newer hash."""
        await self._changed(name, _set_password, hash=password_hash)

    async def set_operator_active(self, name: str, is_active: bool) -> None:
        """Close an account, with all its sessions and tokens, or open it again.

        Raises:
            ReviewError: there is no such operator.
        """
        await self._changed(name, _set_active, new=is_active)
        if not is_active:
            await self._end_everything(name)

    async def set_operator_role(self, name: str, role: Role) -> None:
        """Give an operator another role.

        Raises:
            ReviewError: there is no such operator.
        """
        await self._changed(name, _set_role, new=role)

    async def _changed(self, name: str, statement: Any, **values: Any) -> None:
        if (await self._run(statement, {"operator": name, **values})).rowcount == 0:
            raise ReviewError(f"there is no operator {name!r}; govorun operators list shows all of them")

    async def _end_everything(self, name: str) -> None:
        await self._run(_end_sessions, {"operator": name})
        await self._run(_end_tokens, {"operator": name})
