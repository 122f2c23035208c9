"""`govorun operators`: who may log in to the review pages, and what they may do there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dialogue.errors import ReviewError
from storage.operators import Role

if TYPE_CHECKING:
    from storage.log.sql_log import SqlLog
    from storage.log.writing import Writing

T = TypeVar("T")

LONGEST_NAME = 60
# What stands for others where the name of an operator can stand: in filters, and in the audit log.
_TAKEN_NAMES = ("me", "nobody", "command line")

operators = typer.Typer(no_args_is_help=True, help="Make accounts for the review pages, change them, close them.")

Name = Annotated[str, typer.Argument(help="What the operator logs in with, and is shown as.", show_default=False)]


@operators.command()
def add(
    name: Name,
    role: Annotated[
        Role | None,
        typer.Option(help="Default: admin for the first account, reviewer for the others.", show_default=False),
    ] = None,
) -> None:
    """Make an account. The password is asked for twice; from a script it is the first line of the standard input.

    [dim]Example: govorun operators add Olga --role lead[/dim]
    """
    kept = _new_password(_checked(name))

    async def act(writing: Writing) -> Role:
        is_first = not await writing.operators()
        given = role or (Role.ADMIN if is_first else Role.REVIEWER)
        await writing.add_operator(name, given, kept)
        await writing.note_action(None, "operator_added", about=f"{name}: {given}")
        return given

    given = _change(act)
    typer.echo(f"{name} can log in now, as {given}.")
    if role is None and given is Role.ADMIN:
        typer.echo("The first account is an admin's; the next ones will be reviewers' unless --role says otherwise.")


@operators.command("list")
def list_operators() -> None:
    """List the accounts: role, whether it is open, since when there is one, in how many browsers it is logged in."""
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    async def read(log: SqlLog) -> list[tuple[str, ...]]:
        async with log.reviewing() as reading:
            return [
                (
                    each.name,
                    each.role.value,
                    "yes" if each.is_active else "no",
                    datetime.fromtimestamp(each.created_at).astimezone().strftime("%Y-%m-%d"),
                    str(len(await reading.sessions_of(each.id))),
                )
                for each in await reading.operators()
            ]

    table = Table("name", "role", "active", "since", "sessions", box=None, header_style="bold")
    for row in _with_log(read):
        # As text: a name in brackets is no colour.
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


@operators.command()
def disable(name: Name) -> None:
    """Close an account: its sessions and tokens end at once, what was done with it stays."""

    async def act(writing: Writing) -> None:
        await writing.set_operator_active(name, False)
        await writing.note_action(None, "operator_disabled", about=name)

    _change(act)
    typer.echo(f"{name} cannot log in any more; all sessions and tokens have ended.")


@operators.command()
def enable(name: Name) -> None:
    """Open an account again, with the password that it had."""

    async def act(writing: Writing) -> None:
        await writing.set_operator_active(name, True)
        await writing.note_action(None, "operator_enabled", about=name)

    _change(act)
    typer.echo(f"{name} can log in again.")


@operators.command()
def passwd(name: Name) -> None:
    """Give an account another password, asked for as by `add`; its sessions and tokens end."""
    kept = _new_password(name)

    async def act(writing: Writing) -> None:
        await writing.set_password(name, kept)
        await writing.note_action(None, "password_set", about=name)

    _change(act)
    typer.echo(f"{name} has another password; all sessions and tokens have ended.")


@operators.command()
def role(name: Name, role: Annotated[Role, typer.Argument(show_default=False)]) -> None:
    """Give an account another role: a lead also changes many dialogues at once and reads the audit log."""

    async def act(writing: Writing) -> None:
        await writing.set_operator_role(name, role)
        await writing.note_action(None, "role_set", about=f"{name}: {role}")

    _change(act)
    typer.echo(f"{name} is {role} now.")


def _checked(name: str) -> str:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise ReviewError(
            f"{name!r} is no name: it takes 1 to {LONGEST_NAME} printable characters, and no white space at its ends"
        )
    if name in _TAKEN_NAMES:
        raise ReviewError(f"{name!r} means something else on the review pages; take another name")
    return name


def _new_password(name: str) -> str:
    """Return the hash of a password that is asked for, or that a script has sent."""
    from bot.review.passwords import SHORTEST, hashed

    if not sys.stdin.isatty():
        return hashed(sys.stdin.readline().rstrip("\r\n"))
    question = f"Password of {name}, at least {SHORTEST} characters"
    return hashed(typer.prompt(question, hide_input=True, confirmation_prompt="Once more", err=True))


def _change(act: Callable[[Writing], Awaitable[T]]) -> T:
    """Do something in one transaction of the log."""

    async def change(log: SqlLog) -> T:
        async with log.writing() as writing:
            return await act(writing)

    return _with_log(change)


def _with_log(act: Callable[[SqlLog], Awaitable[T]]) -> T:
    async def run() -> T:
        from bot.running.opened_log import opened_log

        async with opened_log() as log:
            return await act(log)

    return asyncio.run(run())
