"""What every contestant continues: one transcript, with a last message of its own in each chat."""

from __future__ import annotations

TRANSCRIPT = """\
Диалог со службой поддержки интернет-провайдера.
User1: Здравствуйте, это служба поддержки? У меня не работает интернет!
User2: Здравствуйте. Чем я могу вам помочь?
User1: Интернет не работает с утра, роутер мигает красным.
User2: Пожалуйста, назовите номер вашего договора.
User1: Номер договора 4417.
User2: Спасибо. Сейчас проверю линию. Подождите, пожалуйста, одну минуту.
User1: Хорошо, жду.
User2:"""

SHARED = TRANSCRIPT.rsplit("\n", 2)[0]
"""What all prompts begin with."""

TEMPERATURE, TOP_K, TOP_P = 0.7, 40, 0.9


def prompts(chats: int) -> list[str]:
    """Return the prompt of each chat; they differ in the last message."""
    return [f"{SHARED}\nUser1: Договор {chat}, адрес улица {7 * chat}.\nUser2:" for chat in range(chats)]
