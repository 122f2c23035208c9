"""Who did what: written down in the transaction that does it, so that neither is there without the other."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from storage.log.tables import audit
from storage.log.transaction import Transaction
from storage.operators import Operator

COMMAND_LINE = "command line"
"""Who the audit log says has done what was done there."""


class Audit(Transaction):
    """The audit log."""

    async def note_action(
        self, operator: Operator | None, action: str, dialogue_id: str | None = None, about: str | None = None
    ) -> None:
        """Write down that an operator did something that is no change of a field, such as a login.

        Args:
            operator: None for who has the command line.
            about: what it was done to, where that is no dialogue.
        """
        deed = self._deed(operator, action, secrets.token_hex(8), dialogue_id=dialogue_id, after=about)
        await self._write_down([deed])

    async def _write_down(self, deeds: Sequence[dict[str, Any]]) -> None:
        if deeds:
            await self._run(insert(audit), deeds)

    def _deed(
        self,
        operator: Operator | None,
        action: str,
        batch: str,
        dialogue_id: str | None = None,
        turn_id: int | None = None,
        before: Any = None,
        after: Any = None,
    ) -> dict[str, Any]:
        return {
            "at": self._clock(),
            "operator_id": operator.id if operator else None,
            "operator": operator.name if operator else COMMAND_LINE,
            "action": action,
            "batch": batch,
            "dialogue_id": dialogue_id,
            "turn_id": turn_id,
            "before": before,
            "after": after,
        }
