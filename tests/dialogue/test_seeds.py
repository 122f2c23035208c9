from __future__ import annotations

from pathlib import Path

import pytest

from dialogue.errors import SeedError
from dialogue.forms import SeedKind
from dialogue.seeds import Tags, load_seeds, read_seed
from dialogue.turns import Sampling, Speaker

FULL = """
name = "support"
language = "en"
title = "Support"
description = "An operator who helps."
kind = "dialogue"
greeting = "Hello! What happened?"
max_message_chars = 500
text = '''
Support chat.
***
Customer: hi
Operator: Hello!
***
'''

[tags]
person = "Customer"
bot = "Operator"

[sampling]
temperature = 0.5
top_k = 10
top_p = 0.8
min_p = 0.05
repetition_penalty = 1.1
no_repeat_ngram = 12
max_new_tokens = 40
"""

SHORT = """
name = "short"
language = "ru"
title = "Коротко"
description = "Самое необходимое."
text = "Разговор."
"""


def problems_of(content: str, file: str = "short.toml") -> list[str]:
    with pytest.raises(SeedError) as caught:
        read_seed(file, content.encode())
    return str(caught.value).splitlines()


def test_a_seed_is_what_its_file_says() -> None:
    seed = read_seed("support.toml", FULL.encode())

    assert (seed.name, seed.language, seed.title, seed.kind) == ("support", "en", "Support", SeedKind.DIALOGUE)
    assert seed.description == "An operator who helps."
    assert seed.tags == Tags("Customer", "Operator")
    assert seed.tags.of(Speaker.PERSON) == "Customer"
    assert seed.text == "Support chat.\n***\nCustomer: hi\nOperator: Hello!\n***"
    assert seed.greeting == "Hello! What happened?"
    assert seed.sampling == Sampling(
        temperature=0.5,
        top_k=10,
        top_p=0.8,
        min_p=0.05,
        repetition_penalty=1.1,
        no_repeat_ngram=12,
        max_new_tokens=40,
    )
    assert seed.max_message_chars == 500


def test_what_a_file_leaves_out_is_as_usual() -> None:
    seed = read_seed("short.toml", SHORT.encode())

    assert seed.kind is SeedKind.DIALOGUE
    assert seed.tags == Tags("User1", "User2")
    assert seed.greeting == ""
    assert seed.sampling == Sampling()
    assert seed.max_message_chars == 2000


def test_the_version_changes_with_the_file() -> None:
    one = read_seed("short.toml", SHORT.encode())
    same = read_seed("short.toml", SHORT.encode())
    other = read_seed("short.toml", f"{SHORT}# a comment".encode())

    assert one.version == same.version
    assert one.version != other.version
    assert len(one.version) == 16


def test_a_file_saved_on_windows_is_read() -> None:
    content = b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode()

    assert read_seed("support.toml", content).text == "Support chat.\n***\nCustomer: hi\nOperator: Hello!\n***"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('title = "Коротко"', "", "title: is missing"),
        ('title = "Коротко"', 'title = ""', "title: must not be empty"),
        ('title = "Коротко"', "title = 5", "title: must be text in quotation marks, not 5"),
        ('title = "Коротко"', 'title = "a\\nb"', "title: must be one line"),
        ('title = "Коротко"', f'title = "{"a" * 41}"', "title: has 41 characters, the limit is 40"),
        ('text = "Разговор."', 'text = " \\n "', "text: must not be empty"),
        ('language = "ru"', 'language = "de"', 'language: must be "ru" or "en", not \'de\''),
        ('language = "ru"', "language = []", 'language: must be "ru" or "en", not []'),
        ('name = "short"', 'name = "long"', "name: 'long' must be the file's name without .toml, 'short'"),
        ('name = "short"', 'name = "Short Talk"', "small Latin letters"),
    ],
)
def test_a_wrong_value_is_named_with_file_key_and_reason(before: str, after: str, problem: str) -> None:
    (found,) = problems_of(SHORT.replace(before, after))

    assert found.startswith("short.toml: ")
    assert problem in found


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('kind = "poem"', 'kind: must be "dialogue" or "completion" or "vote" or "answer" or "json" or "lines", not'),
        ('kind = "vote"', "form.template: is missing"),
        ('kind = "vote"\n[form]\ntemplate = "Try"', "form.template: must have {input} once, for what the person says"),
        ('kind = "answer"\n[form]\ntemplate = "{input} {input}"', "form.template: must have {input} once"),
        ('kind = "vote"\n[form]\nopening = "("', "form.opening: must be"),
        ('kind = "vote"\n[form]\nvariants = 1', "form.variants: 1 is not between 2 and 64"),
        ('kind = "lines"\n[form]\nuntil = "noon"', "form.until: must be"),
        ('kind = "lines"\n[form]\nuntil = "quote"', "form.opening: '' must be one of « “ \" where"),
        ('kind = "lines"\n[form]\nvariants = 4', "form.variants: is not a key of a seed"),
        ('[form]\ntemplate = "{input}"', "form.template: is not a key of a seed"),
        ('kind = "json"', "form.schema: must name at least one key that the model fills in"),
        ('kind = "json"\n[form.schema]\nanswer = "date"', "form.schema.answer: must be"),
        ('kind = "json"\n[form.schema]\nquestion = "text"', "form.schema: 'question' must be"),
        (
            'kind = "json"\n[form.schema]\na = "text"\n[form.parameters]\na = "x"',
            "form.parameters: must not have a key of the schema",
        ),
        ('group = "sing"', "group: must be"),
        ('example = "a\\nb"', "example: must be one line"),
        ("max_message_chars = 0", "max_message_chars: 0 is not between 1 and 20000"),
        ("max_message_chars = 10.5", "max_message_chars: must be a whole number, not 10.5"),
        ("sampling = 1", "sampling: must be a table, [sampling], not 1"),
        ("[sampling]\ntemperature = 3", "sampling.temperature: 3 is not between 0 and 2"),
        ("[sampling]\ntemperature = nan", "sampling.temperature: nan is not between 0 and 2"),
        ("[sampling]\ntemperature = true", "sampling.temperature: must be a number, not True"),
        ('[sampling]\ntop_p = "much"', "sampling.top_p: must be a number, not 'much'"),
        ("[sampling]\ntop_p = 0", "sampling.top_p: 0 is not between 0.01 and 1"),
        ("[sampling]\ntop_k = -1", "sampling.top_k: -1 is not between 0 and 1000"),
        ("[sampling]\nrepetition_penalty = 0.5", "sampling.repetition_penalty: 0.5 is not between 1 and 2"),
        ("[sampling]\nmin_p = 1.5", "sampling.min_p: 1.5 is not between 0 and 1"),
        ("[sampling]\nmin_p = [0.1]", "sampling.min_p: must be a number, not [0.1]"),
        ("[sampling]\nno_repeat_ngram = -1", "sampling.no_repeat_ngram: -1 is not between 0 and 64"),
        ("[sampling]\nno_repeat_ngram = 8.0", "sampling.no_repeat_ngram: must be a whole number, not 8.0"),
        (
            "[sampling]\nno_repeat_ngram_size = 8",
            "sampling.no_repeat_ngram_size: is not a key of a seed; did you mean sampling.no_repeat_ngram?",
        ),
        ("[sampling]\nmax_new_tokens = 0", "sampling.max_new_tokens: 0 is not between 1 and 1024"),
        ('[tags]\nperson = ""', "tags.person: must not be empty"),
        ('[tags]\nbot = "Bot:"', "tags.bot: 'Bot:' must be a word or two, without a colon"),
        ('[tags]\nbot = "Bot\\nX"', "tags.bot: must be one line"),
        ('[tags]\nbot = "USER 1"', "tags.bot: 'USER 1' must differ from tags.person"),
        ('gretting = "Hi"', "gretting: is not a key of a seed; did you mean greeting?"),
        ("temperature = 1", "temperature: is not a key of a seed; did you mean sampling.temperature?"),
        ('[sampling]\ngreeting = "Hi"', "sampling.greeting: is not a key of a seed; did you mean greeting?"),
        ("xyzzy = 1", "xyzzy: is not a key of a seed"),
    ],
)
def test_a_wrong_addition_is_named_with_file_key_and_reason(lines: str, problem: str) -> None:
    assert f"short.toml: {problem}" in "\n".join(problems_of(f"{SHORT}{lines}\n"))


def test_text_that_is_not_toml_is_refused() -> None:
    (found,) = problems_of("name = ?\n")

    assert found.startswith("short.toml: TOML: ")
    assert "line 1" in found


def test_a_file_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SeedError, match=r"short\.toml: encoding: not UTF-8 at byte 41"):
        read_seed("short.toml", SHORT.encode("cp1251"))


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        SHORT.replace('name = "short"', 'name = "a"').replace('"ru"', '"de"') + "top_k = 1"
    )
    (tmp_path / "b.toml").write_text("[[[")
    (tmp_path / "short.toml").write_text(SHORT)

    with pytest.raises(SeedError) as caught:
        load_seeds(tmp_path)

    found = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in found] == [
        ["a.toml", "language"],
        ["a.toml", "top_k"],
        ["b.toml", "TOML"],
    ]


def test_seeds_stand_in_the_order_of_language_and_name(tmp_path: Path) -> None:
    for name, language in (("x", "ru"), ("y", "en"), ("a", "ru")):
        content = SHORT.replace('"short"', f'"{name}"').replace('"ru"', f'"{language}"')
        (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a seed")

    seeds = load_seeds(tmp_path)

    assert seeds.names == ("y", "a", "x")
    assert [seed.name for seed in seeds] == ["y", "a", "x"]
    assert "a" in seeds
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("name", "hint"),
    [("isp-suport-ru", 'did you mean "isp-support-ru"'), ("zzz", "`govorun seeds list` shows")],
)
def test_an_unknown_seed_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(SeedError, match=hint):
        load_seeds().get(name)


def test_a_folder_without_seeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="there is no seed"):
        load_seeds(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="cannot be read"):
        load_seeds(tmp_path / "nowhere")


def test_the_project_comes_with_support_and_small_talk_in_two_languages() -> None:
    seeds = load_seeds()

    assert {"isp-support-en", "isp-support-ru", "small-talk-en", "small-talk-ru"} <= set(seeds.names)
    assert all(seed.greeting for seed in seeds)


def test_the_example_of_the_docs_is_a_seed() -> None:
    docs = Path(__file__).parents[2] / "docs" / "seeds.md"
    example = docs.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]

    assert read_seed("bakery-en.toml", example.encode()).title == "Bakery"


def test_a_seed_with_a_form_is_found_without_its_text_and_a_dialogue_is_not() -> None:
    seeds = load_seeds()
    whole, tuned = seeds.get("words-ru-en"), seeds.get("words-ru-en-tuned")

    assert (tuned.text, tuned.form, tuned.greeting) == ("", whole.form, whole.greeting)
    assert tuned.version != whole.version
    assert tuned.tuned() is tuned
    assert tuned.name in seeds
    assert tuned.name not in seeds.names
    assert "isp-support-ru-tuned" not in seeds


def test_no_file_has_the_name_of_a_seed_without_its_text() -> None:
    assert problems_of(SHORT.replace("short", "short-tuned"), "short-tuned.toml") == [
        "short-tuned.toml: name: 'short-tuned' must not end with -tuned: that is the seed without its text"
    ]
