"""Ten people who write to an internet provider: what they want, and what they answer when they are asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MESSAGES = 8
"""So many messages each of them writes."""


@dataclass
class Caller:
    """Somebody with a trouble. What they are asked for they say, each thing once; else they go on with their own words.

    Args:
        answers: regular expressions for what the bot says, each with the answer.
        words: what they say where they are asked for nothing that they know, in this order.
    """

    name: str
    seed: str
    opening: str
    answers: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    _told: set[str] = field(default_factory=set)
    _said: int = 0

    def reply_to(self, bot: str) -> str:
        """Return the next message."""
        for pattern, answer in self.answers:
            if answer not in self._told and re.search(pattern, bot, re.IGNORECASE):
                self._told.add(answer)
                return answer
        self._said += 1
        return self.words[min(self._said, len(self.words)) - 1]


_RU, _EN = "isp-support-ru", "isp-support-en"


def callers() -> list[Caller]:
    """Return all ten, as they are before they have said anything."""
    return [
        Caller(
            "Нет интернета с утра",
            _RU,
            "Здравствуйте, с утра нет интернета",
            (
                (r"зовут|имя|представ", "Ольга"),
                (r"договор|номер", "52018"),
                (r"перезагру|выключ|розетк", "перезагрузила, не помогло"),
                (r"ламп|индикатор|гор[ия]т", "горит одна красная"),
                (r"кабел|провод", "кабель на месте"),
            ),
            ("хорошо, жду", "и когда заработает?", "а раньше никак?", "понятно", "спасибо", "до свидания"),
        ),
        Caller(
            "Медленно вечером",
            _RU,
            "интернет еле ползёт каждый вечер, плачу за 100 мегабит",
            (
                (r"зовут|имя|представ", "Руслан"),
                (r"договор|номер", "договор 73110"),
                (r"кабел|вайфай|wi-?fi|роутер", "по вайфаю, роутер в коридоре"),
                (r"скорост|замер|тест", "замерил, 11 мегабит"),
                (r"перезагру", "перезагрузил, стало так же"),
            ),
            ("ок", "ну и что с этим делать?", "днём всё летает", "ясно", "спасибо за помощь", "пока"),
        ),
        Caller(
            "Уже представился",
            _RU,
            "Добрый день! Это Антон, договор 40977, не открываются сайты",
            (
                (r"перезагру", "перезагрузил роутер, без толку"),
                (r"ламп|индикатор|гор[ия]т", "всё горит зелёным"),
                (r"устройств|телефон|компьютер", "и на телефоне, и на ноутбуке"),
                (r"зовут|имя", "я же сказал, Антон"),
                (r"договор", "я же писал, 40977"),
            ),
            ("жду", "есть новости?", "хорошо", "больше ничего", "спасибо", "всего доброго"),
        ),
        Caller(
            "Списали лишнее",
            _RU,
            "почему с меня списали 900 рублей вместо 600???",
            (
                (r"зовут|имя|представ", "Тамара Ильинична"),
                (r"договор|номер", "18-233, то есть 18233"),
                (r"подключ|услуг|тариф", "я ничего не подключала!"),
            ),
            ("жду", "верните деньги", "когда вернёте?", "ладно", "спасибо", "до свидания"),
        ),
        Caller(
            "Хочет человека и говорит не о том",
            _RU,
            "вы робот? позовите человека",
            (
                (r"зовут|имя|представ", "Гена"),
                (r"договор|номер", "не помню номер"),
                (r"адрес|улиц|телефон", "Садовая 5, квартира 12"),
                (r"случил|помочь|вопрос", "телевидение не показывает"),
            ),
            ("а какая завтра погода?", "ладно, телевизор не показывает", "жду", "понял", "спасибо", "пока"),
        ),
        Caller(
            "No internet since the storm",
            _EN,
            "hi, no internet since the storm last night",
            (
                (r"name", "Priya"),
                (r"contract|number", "61204"),
                (r"restart|unplug|power", "restarted it twice, nothing"),
                (r"light|lamp", "the second light is red"),
                (r"cable|plug", "the cable is in"),
            ),
            ("ok, waiting", "so when will it work?", "can it be today?", "I see", "thanks", "bye"),
        ),
        Caller(
            "Wi-Fi in the back room",
            _EN,
            "Hello! The wifi does not reach my back room at all",
            (
                (r"name", "Tom Barrow"),
                (r"contract|number", "contract 3382"),
                (r"router|where", "the router is by the front door"),
                (r"wall|floor|metre|far", "two walls and about ten metres"),
                (r"restart", "did that, same"),
            ),
            ("sure", "what would you suggest?", "how much is that?", "let me think about it", "thank you", "goodbye"),
        ),
        Caller(
            "Said it all at once",
            _EN,
            "This is Mei Lin, contract 77120, pages load for a minute and then stop",
            (
                (r"restart", "restarted, the same again"),
                (r"light", "all green"),
                (r"device|phone|laptop|computer", "on the phone and on the laptop"),
                (r"name", "I said it already, Mei Lin"),
                (r"contract", "as I wrote, 77120"),
            ),
            ("ok", "any news?", "good", "nothing else", "thanks a lot", "bye"),
        ),
        Caller(
            "Angry about the bill",
            _EN,
            "you charged me TWICE this month. what a joke",
            (
                (r"name", "Karen Doyle"),
                (r"contract|number", "90551"),
                (r"date|when|card|paid|how", "on the 1st and on the 3rd, by card"),
            ),
            ("fine", "I want my money back", "how long will that take?", "alright", "thanks", "bye"),
        ),
        Caller(
            "Cannot find the number",
            _EN,
            "hi there, want to move my internet to a new flat",
            (
                (r"name", "Luca"),
                (r"contract|number", "no idea, I lost the papers"),
                (r"address|street|where", "from 12 Mill Lane to 4 Harbour Road"),
                (r"when|date|day", "next Friday would be great"),
                (r"phone", "it is in my account, the usual one"),
            ),
            ("ok", "does it cost anything?", "perfect", "no, that is all", "thank you", "bye"),
        ),
    ]
