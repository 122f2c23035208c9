"""Seeds: the texts put before a dialogue that make a model of the right interlocutor, one TOML file each."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dialogue.checked_table import CheckedTable
from dialogue.errors import SeedError
from dialogue.forms import Form, Group, SeedKind, read_form
from dialogue.turns import Sampling, Speaker


@dataclass(frozen=True, slots=True)
class Tags:
    """What the two speakers are called in a transcript, without the colon."""

    person: str = Speaker.PERSON.value
    bot: str = Speaker.BOT.value

    def of(self, speaker: Speaker) -> str:
        """Return the tag of a speaker."""
        return self.person if speaker is Speaker.PERSON else self.bot


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed, checked.

    Args:
        name: the file's name without `.toml`.
        language: `ru` or `en`.
        title: a few words for lists and buttons.
        description: one sentence that tells people what to expect.
        text: what stands before the dialogue, or before the form, in every prompt.
        greeting: the bot's first turn in a new dialogue; may be empty.
        version: changes with every change of the file: the beginning of its SHA-256.
        form: what the person's words are put into, where the kind is not `dialogue`.
        group: what it does for people.
        example: a message to try it with; may be empty.
    """

    name: str
    language: str
    title: str
    description: str
    kind: SeedKind
    tags: Tags
    text: str
    greeting: str
    sampling: Sampling
    max_message_chars: int
    version: str
    form: Form = field(default_factory=Form)
    group: Group = Group.TALK
    example: str = ""


class Seeds:
    """The seeds at hand, by language and name."""

    def __init__(self, seeds: Iterable[Seed]) -> None:
        self._by_name = {seed.name: seed for seed in sorted(seeds, key=lambda seed: (seed.language, seed.name))}

    def __iter__(self) -> Iterator[Seed]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the seeds."""
        return tuple(self._by_name)

    def get(self, name: str) -> Seed:
        """Return the seed of this name.

        Raises:
            SeedError: there is none; the text names the nearest.
        """
        if name in self._by_name:
            return self._by_name[name]
        nearest = difflib.get_close_matches(name, self.names, n=1)
        hint = f'did you mean "{nearest[0]}"?' if nearest else f"there are: {', '.join(self.names)}"
        raise SeedError(f'there is no seed "{name}"; {hint}')


def load_seeds(folder: Path | None = None) -> Seeds:
    """Read and check every seed of a folder, of this project's own if none is named.

    Raises:
        SeedError: everything that is wrong with any of the files, one `FILE: KEY: reason` on each line.
    """
    place: Traversable = resources.files("seeds") if folder is None else folder
    try:
        contents = {entry.name: entry.read_bytes() for entry in place.iterdir() if entry.name.endswith(".toml")}
    except OSError as error:
        raise SeedError(f"{place}: folder: cannot be read: {error}") from error
    if not contents:
        raise SeedError(f"{place}: folder: there is no seed (*.toml) in it")
    seeds: list[Seed] = []
    problems: list[str] = []
    for file, content in sorted(contents.items()):
        try:
            seeds.append(read_seed(file, content))
        except SeedError as error:
            problems.append(str(error))
    if problems:
        raise SeedError("\n".join(problems))
    return Seeds(seeds)


def seed_at(place: str) -> Seed:
    """Return the seed of a name or, where it ends with `.toml`, that of a file.

    Raises:
        SeedError: there is none, or everything that is wrong with the file.
    """
    if not place.endswith(".toml"):
        return load_seeds().get(place)
    path = Path(place).expanduser()
    try:
        return read_seed(path.name, path.read_bytes())
    except OSError as error:
        raise SeedError(f"{place}: file: cannot be read: {error.strerror}") from error


def read_seed(file: str, content: bytes) -> Seed:
    """Read and check one seed file.

    Raises:
        SeedError: everything that is wrong with it, one `FILE: KEY: reason` on each line.
    """
    try:
        top = CheckedTable(tomllib.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise SeedError(f"{file}: encoding: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise SeedError(f"{file}: TOML: {error}") from error
    kind = SeedKind(top.choice("kind", list(SeedKind), default=SeedKind.DIALOGUE))
    seed = Seed(
        name=_name(top, file.removesuffix(".toml")),
        language=top.choice("language", ["ru", "en"]),
        title=top.line("title", max_chars=40),
        description=top.line("description", max_chars=200),
        kind=kind,
        tags=_tags(top.table("tags")),
        text=top.text("text", max_chars=20_000),
        greeting=top.text("greeting", max_chars=1000, default=""),
        sampling=_sampling(top.table("sampling")),
        max_message_chars=top.number("max_message_chars", default=2000, least=1, most=20_000),
        version=hashlib.sha256(content).hexdigest()[:16],
        form=read_form(top.table("form"), kind),
        group=Group(top.choice("group", list(Group), default=Group.TALK)),
        example=top.line("example", max_chars=500, default=""),
    )
    if problems := top.problems():
        raise SeedError("\n".join(f"{file}: {problem}" for problem in problems))
    return seed


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")  # Short and plain: names go into buttons' data (64 bytes) and keys.
_TAG = re.compile(r"\w(?:[\w .'-]{0,30}[\w.])?")
SAMPLING_BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_k": (0, 1000),
    "top_p": (0.01, 1),
    "min_p": (0, 1),
    "repetition_penalty": (1, 2),
    "no_repeat_ngram": (0, 64),
    "max_new_tokens": (1, 1024),
}


def _name(top: CheckedTable, stem: str) -> str:
    name = top.line("name", max_chars=40)
    if name and not _NAME.fullmatch(name):
        top.refuse("name", f"{name!r} must be small Latin letters, digits and hyphens")
    elif name and name != stem:
        top.refuse("name", f"{name!r} must be the file's name without .toml, {stem!r}")
    return name


def _tags(table: CheckedTable) -> Tags:
    tags = Tags(
        person=table.line("person", max_chars=32, default=Tags().person),
        bot=table.line("bot", max_chars=32, default=Tags().bot),
    )
    for key, tag in (("person", tags.person), ("bot", tags.bot)):
        if tag and not _TAG.fullmatch(tag):
            table.refuse(key, f"{tag!r} must be a word or two, without a colon")
    if tags.person.casefold().replace(" ", "") == tags.bot.casefold().replace(" ", ""):
        table.refuse("bot", f"{tags.bot!r} must differ from tags.person by more than case and spaces")
    return tags


def _sampling(table: CheckedTable) -> Sampling:
    usual = asdict(Sampling())
    bounds = SAMPLING_BOUNDS.items()
    return Sampling(**{key: table.number(key, usual[key], least, most) for key, (least, most) in bounds})
