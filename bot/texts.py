"""Every sentence that the bot says of its own accord, in Russian and in English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dialogue.errors import MessageRefused, MessageTooLong, NothingToRetry, TooManyWaiting, WithOperator


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to say, in both languages; both take the same `{values}`."""

    ru: str
    en: str


def text(key: str, language: str, **values: object) -> str:
    """Return the sentence in Russian where `language` is `ru`, else in English."""
    sentence = TEXTS[key]
    return (sentence.ru if language == "ru" else sentence.en).format(**values)


def help_text(language: str) -> str:
    """Return what the bot can do: one line per command."""
    lines = [f"/{name} — {text(f'command_{name}', language)}" for name in COMMANDS]
    return "\n".join([text("help", language), "", *lines])


def refusal(error: MessageRefused, language: str) -> str:
    """Return the sentence that says why a message is not taken."""
    match error:
        case MessageTooLong():
            return text("message_too_long", language, length=error.length, limit=error.limit)
        case TooManyWaiting():
            return text("too_many_waiting", language, limit=error.limit)
        case WithOperator():
            return text("operator_is_here", language)
        case NothingToRetry():
            return text("last_word_is_operators", language)
        case _:
            return text("message_empty", language)


COMMANDS = (
    "start",
    "help",
    "new",
    "retry",
    "continue",
    "undo",
    "cancel",
    "seed",
    "settings",
    "human",
    "privacy",
    "forget",
    "mydata",
)
"""The commands in the order in which people see them."""

LANGUAGES: tuple[Literal["ru", "en"], ...] = ("ru", "en")

TEXTS: dict[str, Sentence] = {
    # Commands, as the menu and /help describe them.
    "command_start": Sentence("начать разговор", "start talking"),
    "command_help": Sentence("что я умею", "what I can do"),
    "command_new": Sentence("начать новый разговор", "start a new conversation"),
    "command_retry": Sentence("ответить по-другому", "give another answer"),
    "command_continue": Sentence("продолжить последний ответ", "go on with the last answer"),
    "command_undo": Sentence("убрать последний обмен репликами", "take back the last exchange"),
    "command_cancel": Sentence("остановить ответ", "stop the answer"),
    "command_seed": Sentence("выбрать, чем займёмся", "choose what we do"),
    "command_settings": Sentence("настроить ответы", "adjust the answers"),
    "command_human": Sentence("позвать оператора", "call an operator"),
    "command_privacy": Sentence("что хранится о разговоре", "what is kept of the conversation"),
    "command_forget": Sentence("стереть всё, что обо мне хранится", "erase everything kept about me"),
    "command_mydata": Sentence("получить всё, что обо мне хранится", "get everything kept about me"),
    "help": Sentence(
        "Просто пишите — я отвечу. Если исправите своё последнее сообщение, отвечу заново. А ещё я понимаю команды:",
        "Just write, and I will answer. Edit your last message, and I will answer it anew. I also know these commands:",
    ),
    # What a command did.
    "started_anew": Sentence("Начнём с чистого листа. О чём поговорим?", "A clean slate. What shall we talk about?"),
    "cancelled": Sentence("Хорошо, остановился.", "All right, I stopped."),
    "nothing_to_cancel": Sentence("Сейчас я ничего не пишу.", "I am not writing anything right now."),
    "undone": Sentence(
        "Убрал последний обмен репликами, будто его и не было.",
        "I took the last exchange back, as if it never happened.",
    ),
    "nothing_to_undo": Sentence("Убирать пока нечего.", "There is nothing to take back yet."),
    # Choosing a seed.
    "choose_group": Sentence("Чем займёмся?", "What shall we do?"),
    "choose_seed": Sentence(
        "{group}. Выберите, и разговор начнётся заново:", "{group}. Choose, and the conversation will start anew:"
    ),
    "seed_chosen": Sentence("Выбрано: {title}.", "Chosen: {title}."),
    "group_talk": Sentence("Разговор", "Talk"),
    "group_recommend": Sentence("Рекомендации", "Recommendations"),
    "group_review": Sentence("Отзывы", "Reviews"),
    "group_answer": Sentence("Ответы", "Answers"),
    "group_translate": Sentence("Перевод", "Translation"),
    "group_write": Sentence("Тексты", "Writing"),
    "button_back": Sentence("‹ Назад", "‹ Back"),
    "button_more": Sentence("Ещё ›", "More ›"),
    "button_in_ru": Sentence("По-русски ›", "In Russian ›"),
    "button_in_en": Sentence("По-английски ›", "In English ›"),
    "button_example": Sentence("Пример: {example}", "Try: {example}"),
    "privacy": Sentence(
        "Я храню наши сообщения, ваше имя и язык: без этого я не смог бы отвечать. Храню и то, как вы оценили мои "
        "ответы. Разговоры могут читать и исправлять операторы, а проверенные — помогать учить модель. Наружу, другим "
        "сервисам, ничего не передаётся, если администратор не подключил внешнюю модель. /mydata — получить всё, что о "
        "вас хранится, /forget — стереть это, /settings — не учиться на этом чате.",
        "I keep our messages, your name and your language: without them I could not answer. I also keep what you "
        "thought of my answers. Operators may read and correct conversations, and reviewed ones may help to train the "
        "model. Nothing goes to other services unless the administrator has connected an external model. /mydata gets "
        "you a copy of it all, /forget erases it, and in /settings you can say that I may not learn from this chat.",
    ),
    # Erasing.
    "forget_question": Sentence(
        "Стереть все ваши сообщения, мои ответы и ваше имя? Вернуть их будет нельзя.",
        "Erase all your messages, my answers and your name? There is no way back.",
    ),
    "button_forget": Sentence("Да, стереть", "Yes, erase"),
    "button_keep": Sentence("Нет, оставить", "No, keep"),
    "forgotten": Sentence(
        "Готово: ваших сообщений и имени у меня больше нет.", "Done: your messages and your name are gone."
    ),
    "kept": Sentence("Хорошо, всё осталось как было.", "All right, everything stays as it was."),
    # Asked in other chats.
    "inline_try": Sentence("Попробовать", "Try it"),
    "inline_no_answer": Sentence("Ответа нет: спросите в чате со мной", "No answer: ask me in our chat"),
    # Settings.
    "settings": Sentence("Как мне отвечать?", "How shall I answer?"),
    "settings_temperature": Sentence("Характер", "Mood"),
    "settings_temperature_calm": Sentence("спокойно", "calm"),
    "settings_temperature_usual": Sentence("обычно", "usual"),
    "settings_temperature_lively": Sentence("живее", "lively"),
    "settings_length": Sentence("Длина ответов", "Length of answers"),
    "settings_length_short": Sentence("короче", "short"),
    "settings_length_usual": Sentence("как обычно", "as usual"),
    "settings_length_long": Sentence("длиннее", "long"),
    "settings_language": Sentence("Язык подсказок", "Language of notices"),
    "settings_language_auto": Sentence("как в приложении", "as in the app"),
    "settings_language_ru": Sentence("русский", "русский"),
    "settings_language_en": Sentence("English", "English"),
    "settings_training": Sentence("Обучение", "Learning"),
    "settings_training_yes": Sentence("учиться здесь", "learn from this chat"),
    "settings_training_no": Sentence("не учиться", "do not learn"),
    "setting_changed": Sentence("{setting}: {choice}.", "{setting}: {choice}."),
    # Operators.
    "operator_called": Sentence(
        "Зову оператора. Пока никто не подошёл, отвечаю я сам.",
        "I am calling an operator. Until somebody comes, I go on answering myself.",
    ),
    "operator_came": Sentence(
        "К разговору подключился оператор: теперь отвечает человек.",
        "An operator has joined: from now on a human answers.",
    ),
    "operator_left": Sentence(
        "Оператор вернул разговор мне: снова отвечаю я.", "The operator has left: I am answering again."
    ),
    "operator_not_free": Sentence(
        "Свободных операторов сейчас нет, но ваша просьба видна. Пока отвечаю я; позвать снова: /human",
        "No operator is free right now, but your wish is on record. Meanwhile I answer; to call again: /human",
    ),
    "operator_is_here": Sentence(
        "Сейчас отвечает оператор — просто напишите ему здесь.",
        "An operator is answering right now: just write to them here.",
    ),
    "operator_cannot_come": Sentence(
        "В терминал оператор прийти не может: позвать его можно в Telegram и на странице чата.",
        "No operator can come into a terminal: call one in Telegram or on the chat page.",
    ),
    "last_word_is_operators": Sentence(
        "Последним отвечал оператор: переделать или продолжить его слова я не могу.",
        "The last answer was an operator's: I can neither redo it nor go on with it.",
    ),
    # What people think of a reply.
    "thumb_up_noted": Sentence("Спасибо, рад, что помог.", "Thank you, glad it helped."),
    "thumb_down_noted": Sentence("Спасибо, учту. Другой ответ: /retry", "Thank you, noted. Another answer: /retry"),
    "thumb_withdrawn": Sentence("Хорошо, оценку убрал.", "All right, taken back."),
    # Why there is no answer.
    "edit_too_old": Sentence(
        "Заново ответить могу только на последнее сообщение, а это уже в прошлом.",
        "I can only answer the last message anew, and this one is further back.",
    ),
    "text_only": Sentence(
        "Я пока понимаю только текст. Напишите то же словами?",
        "I only understand text so far. Could you put it in words?",
    ),
    "unknown_command": Sentence(
        "Такой команды я не знаю. Что я умею: /help", "I do not know that command. What I can do: /help"
    ),
    "button_failed": Sentence("Что-то сломалось. Нажмите ещё раз.", "Something broke. Please press again."),
    "button_expired": Sentence("Эта кнопка уже не действует.", "This button no longer works."),
    "button_of_another": Sentence("Эта кнопка не для вас.", "This button is for somebody else."),
    "message_empty": Sentence(
        "Сообщение пустое — напишите что-нибудь.", "The message is empty — please write something."
    ),
    "message_too_long": Sentence(
        "Слишком длинно: {length} знаков, а я читаю не больше {limit}. Разделите, пожалуйста, на части.",
        "Too long: {length} characters, and I read no more than {limit}. Please send it in parts.",
    ),
    "too_many_waiting": Sentence(
        "Не успеваю: {limit} сообщений уже ждут ответа. Новые смогу принять, когда отвечу на эти.",
        "I cannot keep up: {limit} messages are waiting already. I can take new ones once I have answered these.",
    ),
    "outcome_empty": Sentence(
        "Не нашлось слов. Попробуйте спросить иначе или нажмите /retry.",
        "Words failed me. Try to put it another way, or press /retry.",
    ),
    "outcome_engine_down": Sentence(
        "Извините, сейчас я не могу ответить. Попробуйте, пожалуйста, чуть позже: /retry",
        "Sorry, I cannot answer right now. Please try again a little later: /retry",
    ),
    "outcome_too_long": Sentence(
        "Вместе это слишком длинно для меня. Напишите, пожалуйста, короче.",
        "Taken together this is too long for me. Please put it more briefly.",
    ),
    "outcome_put_aside": Sentence(
        "На этом сообщении я трижды сбился и отложил его. Попробуйте сказать иначе.",
        "I stumbled over this message three times and put it aside. Please try to put it another way.",
    ),
    "outcome_nothing_to_retry": Sentence(
        "Повторять пока нечего: я ещё ничего не ответил.", "There is nothing to try again: I have not answered yet."
    ),
    "failure": Sentence(
        "Что-то сломалось, и это сообщение осталось без ответа. Попробуйте ещё раз.",
        "Something broke, and this message got no answer. Please try again.",
    ),
}
