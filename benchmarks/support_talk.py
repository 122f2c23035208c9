"""What customers and operators of an internet provider say: no sense, but words as frequent as words are.

The word at rank n of a language is drawn 1/n times as often as the first (Zipf's law), so that a few are in nearly
every turn and most in one of thousands; the numbers of contracts are in a handful.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from random import Random

_RUSSIAN_FIRST = (
    "интернет не и в у роутер на работает вас я проверьте пожалуйста договора номер мне линии кабель подключения "
    "спасибо мастер завтра сегодня адрес"
)
_RUSSIAN_STEMS = {
    "|а|у|ом|е|ы|ов|ам|ами|ах": (
        "роутер модем провод адаптер порт тариф договор номер адрес звонок платёж долг счёт инженер монтажник "
        "техник оператор абонент район подъезд этаж дом двор узел кабинет пароль сигнал канал диапазон пинг трафик "
        "протокол сервер сайт браузер телефон компьютер ноутбук телевизор монитор экран диск файл драйвер "
        "антивирус вирус индикатор разъём блок тест замер обрыв ремонт визит график час вечер возврат бонус лимит "
        "пакет баланс магазин офис чат вопрос ответ отзыв шум треск щелчок сбой перебой простой"
    ),
    "а|ы|е|у|ой|ам|ами|ах": (
        "ламп связ линейк заявк поддержк настройк проверк ошибк оплат квитанц карт сумм квартир улиц лестниц крыш "
        "антенн коробк розетк вилк кнопк вкладк страниц программ игр камер систем работ станц бригад минут недел "
        "суббот сред пятниц погод гроз молни авари замен покупк доставк скидк услуг рассылк подписк"
    ),
    "ие|ия|ию|ием|ии|иям|иями|иях": (
        "подключен соединен отключен обслуживан оборудован уведомлен сообщен обращен заявлен решен ожидан объяснен "
        "извинен повышен снижен изменен восстановлен переключен обновлен разрешен расстоян напряжен затухан"
    ),
    "ть|ю|ешь|ет|ем|ете|ют|л|ла|ли|йте|вший": (
        "проверя подключа отключа перезагружа меня настраива слыша виде работа жда понима помога открыва закрыва "
        "отвеча спрашива звуча списыва начисля возвраща пропада появля мига гаса обеща переезжа отправля получа "
        "вызыва переключа устанавлива снима поднима опуска записыва проща предлага оформля прерыва"
    ),
    "ый|ая|ое|ого|ой|ому|ую|ым|ые|ых|ыми": (
        "красн зелён жёлт мигающ пыльн нов стар медленн быстр слаб сильн беспроводн сетев постоянн временн странн "
        "нужн важн срочн бесплатн платн месячн годов вежлив грубоват довольн недовольн точн неверн правильн прежн "
        "телефонн кабельн медн проводн аварийн"
    ),
}
_ENGLISH_FIRST = (
    "internet the is router to my not you line check please contract number it we cable connection restart thank "
    "technician tomorrow today address"
)
_ENGLISH_STEMS = {
    "|s": (
        "modem wire adapter port tariff contract payment debt account engineer operator customer district "
        "entrance floor house yard node office password signal channel band protocol server site browser phone "
        "computer laptop screen disk file driver virus indicator socket unit measurement break visit schedule "
        "hour evening refund bonus limit package balance shop chat question answer review noise crackle click "
        "outage pause lamp request setting error receipt card amount flat street stair roof antenna box plug "
        "button tab page program game camera system station team minute week storm failure purchase discount "
        "service subscription letter neighbour landlord ladder drill wall ceiling shelf table balcony elevator "
        "basement garage garden fence tower mast dish splitter converter gateway firewall console printer scanner "
        "keyboard mouse speaker microphone headset charger battery cord plate panel cabinet rack crate parcel "
        "courier van truck shift manager director clerk lawyer court contractor plumber electrician painter "
        "tenant guest child parent sister brother grandmother friend colleague doctor teacher student pensioner "
        "holiday weekend morning afternoon night second month year season winter summer autumn spring degree "
        "metre corner kitchen bathroom bedroom hallway window door key lock badge photo picture video film series "
        "song concert match score league lesson exam meeting conference ticket queue counter desk signature stamp "
        "copy original link bookmark folder archive backup"
    ),
    "|s|ed|ing": (
        "connect disconnect reboot install remove open answer ask return vanish appear blink wait help explain "
        "promise move send receive call switch record offer interrupt load update download upload repair test "
        "confirm cancel order deliver complain transfer flicker report forward escalat reconnect unpack inform "
        "remind suggest accept collect check mount measure level paint clean repaint press push pull hang jam "
        "crash restart boot post print scan unlock sign add subtract divide extend shorten charge credit grant "
        "reject approach knock ring shout whisper listen watch play stream paus skip"
    ),
    "|ly|er": (
        "slow quick weak strong warm wireless wired steady temporary strange needed important urgent free monthly "
        "polite rude glad exact wrong correct last cable optical technical green red yellow blue grey dusty new "
        "old quiet loud short long"
    ),
}
# What people look for as a phrase; each is in one turn of some thirty.
PHRASES = {
    "ru": ("красная лампочка", "низкая скорость", "смена тарифа", "не приходит мастер", "технические работы"),
    "en": ("red light", "low speed", "change of tariff", "no technician came", "planned maintenance"),
}
_PHRASE_SHARE = 1 / 6
_NUMBER_SHARE = 1 / 8
_CONTRACT = {"ru": "договор", "en": "contract"}
_LEAST_NUMBER, _GREATEST_NUMBER = 100_000, 999_999
LANGUAGES = ("ru", "en")


class Talk:
    """Says things in one language.

    Args:
        words: its vocabulary, the most frequent word first.
    """

    def __init__(self, language: str, random: Random) -> None:
        self.language, self.words = language, vocabulary(language)
        self._random = random
        self._cumulative = list(accumulate(1 / rank for rank in range(1, len(self.words) + 1)))

    def says(self, least: int, most: int) -> str:
        """Return a text of so many words, some of them a phrase or the number of a contract."""
        count = self._random.randint(least, most)
        words = self._random.choices(self.words, cum_weights=self._cumulative, k=count)
        chance = self._random.random()
        if chance < _PHRASE_SHARE:
            words.insert(count // 2, self._random.choice(PHRASES[self.language]))
        elif chance < _PHRASE_SHARE + _NUMBER_SHARE:
            words.append(f"{_CONTRACT[self.language]} {a_number(self._random)}")
        # A sentence has some ten words.
        cuts = [0, *range(10, len(words) - 2, 10), len(words)]
        return " ".join(f"{' '.join(words[cut:end])}.".capitalize() for cut, end in pairwise(cuts))


def a_number(random: Random) -> str:
    """Return the number of some contract."""
    return str(random.randint(_LEAST_NUMBER, _GREATEST_NUMBER))


def vocabulary(language: str) -> list[str]:
    """Return the words of a language, the most frequent first; the same ones each time."""
    first, stems = (_RUSSIAN_FIRST, _RUSSIAN_STEMS) if language == "ru" else (_ENGLISH_FIRST, _ENGLISH_STEMS)
    forms = {
        stem + ending: None
        for endings, words in stems.items()
        for stem in words.split()
        for ending in endings.split("|")
    }
    frequent = first.split()
    rest = [form for form in forms if form not in frequent]
    Random(language).shuffle(rest)
    return [*frequent, *rest]
