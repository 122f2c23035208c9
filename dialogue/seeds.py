"""Seeds: the texts put before a dialogue that make a model of the right interlocutor, one TOML file each."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dialogue.checked_table import CheckedTable
from dialogue.errors import SeedError
from dialogue.forms import Form, Group, SeedKind, read_form
from dialogue.turns import Sampling, Speaker

TUNED = "-tuned"
"""What the name of a seed ends with where its text is left out, for a model that was fine-tuned on its form."""


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
        content: the file itself.
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
    content: bytes = field(default=b"", repr=False)

    @property
    def head(self) -> str:
        """What a prompt begins with: the text and a line break, or nothing where there is no text."""
        return f"{self.text}\n" if self.text else ""

    def tuned(self) -> Seed:
        """Return the seed for a model that was fine-tuned on its form and needs no text any more."""
        if not self.text:
            return self
        version = hashlib.sha256(f"{self.version}{TUNED}".encode()).hexdigest()[:16]
        return replace(self, name=f"{self.name}{TUNED}", text="", version=version)


class Seeds:
    """The seeds at hand, by language and name.

    Whoever holds them has them as they are now: operators may choose other versions at any time.

    Args:
        seeds: as their files have them.
    """

    def __init__(self, seeds: Iterable[Seed]) -> None:
        self.files = {seed.name: seed for seed in sorted(seeds, key=lambda seed: (seed.language, seed.name))}
        self._by_name = self.files

    def __iter__(self) -> Iterator[Seed]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return self._find(str(name)) is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the seeds."""
        return tuple(self._by_name)

    def revise(self, chosen: Iterable[Seed]) -> None:
        """Have these in the place of the files of their names, and the files of all others."""
        revised = {seed.name: seed for seed in chosen if seed.name in self.files}
        self._by_name = {name: revised.get(name, seed) for name, seed in self.files.items()}

    def get(self, name: str) -> Seed:
        """Return the seed of this name.

        Raises:
            SeedError: there is none; the text names the nearest.
        """
        if seed := self._find(name):
            return seed
        nearest = difflib.get_close_matches(name, self.names, n=1)
        hint = f'did you mean "{nearest[0]}"?' if nearest else "`govorun seeds list` shows those that are"
        raise SeedError(f'there is no seed "{name}"; {hint}')

    def _find(self, name: str) -> Seed | None:
        """Return a seed or, of one with a form, its variant without the text, which no list has."""
        if name in self._by_name:
            return self._by_name[name]
        seed = self._by_name.get(name.removesuffix(TUNED))
        return seed.tuned() if seed is not None and seed.kind is not SeedKind.DIALOGUE else None


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


def seed_at(place: str, seeds: Seeds) -> Seed:
    """Return the one of the seeds that has a name or, where it ends with `.toml`, that of a file.

    Raises:
        SeedError: there is none, or everything that is wrong with the file.
    """
    if not place.endswith(".toml"):
        return seeds.get(place)
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
        content=content,
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
    elif name.endswith(TUNED):
        top.refuse("name", f"{name!r} must not end with {TUNED}: that is the seed without its text")
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
