"""The error tree.

GovorunError                    everything that this project raises on purpose; its text may be shown to an operator
|-- SettingsError               a setting is wrong; the text says how to mend it
|-- SeedError                   a seed file is wrong: file, key, reason
|-- TranscriptError             text that does not follow the transcript's grammar
|-- MessageRefused              a person's message cannot be taken; the text of the refusal is chosen by `reason`
|   |-- MessageTooLong
|   |-- MessageEmpty
|   |-- TooManyWaiting
|   |-- WithOperator            an operator leads the dialogue, so there is nothing of the bot to retry or to stop
|   `-- NothingToRetry          the last word was not the model's
|-- AsideError                  a question aside gets no answer
|   |-- TooManyAsides           so many are being answered that no more are taken
|   |-- NoAnswerInTime          nothing has come for as long as one was to wait
|   `-- AsidesClosed            the process that asks is about to end
|-- EngineError                 the model could not write
|   |-- EngineUnavailable       down, overloaded or too slow: worth another try later
|   |-- PromptTooLong           the prompt does not fit the model's context
|   `-- ModelRefused            the model may not be loaded (pickled weights, remote code) or does not exist
|-- ReviewError                 an operator's wish cannot be fulfilled; the text may be shown to the operator
|   |-- TakenAlready            the dialogue is in somebody else's hands, or over
|   |-- NotClaimed              the dialogue is not in the operator's hands, or not any more
|   `-- Overtaken               somebody else has changed it since
|-- EvaluationError             two models, adapters or seeds cannot be compared as asked; the text says why
|-- ExportError                 training data cannot be written as asked, or are not what their manifest says
|-- PromotionError              something may not take a seed's place: its lineage is broken, or it is no better
|-- TrainingError               a model cannot be trained as asked; the text says what to do instead
`-- StorageError                Redis or SQL could not do it
    |-- StorageUnavailable      out of reach: worth another try later
    `-- StaleJob                the job was taken over, cancelled or finished by somebody else
"""

from __future__ import annotations


class GovorunError(Exception):
    """Everything that this project raises on purpose."""


class SettingsError(GovorunError):
    """A setting is wrong; the text says how to mend it."""


class SeedError(GovorunError):
    """A seed file is wrong; the text names file, key and reason."""


class TranscriptError(GovorunError):
    """Text that does not follow the transcript's grammar."""


class MessageRefused(GovorunError):
    """A person's message cannot be taken."""


class MessageTooLong(MessageRefused):
    """The message is longer than the limit.

    Args:
        length: characters in the message.
        limit: characters that are taken.
    """

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"the message has {length} characters, the limit is {limit}")
        self.length = length
        self.limit = limit


class MessageEmpty(MessageRefused):
    """Nothing is left of the message once white space is taken off."""


class TooManyWaiting(MessageRefused):
    """So many messages of the dialogue wait for an answer that no more are taken.

    Args:
        limit: messages that may wait.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} messages of this dialogue are waiting already")
        self.limit = limit


class WithOperator(MessageRefused):
    """An operator leads the dialogue: there is nothing of the bot to retry, to continue or to stop."""


class NothingToRetry(MessageRefused):
    """The last word in the dialogue was not the model's."""


class AsideError(GovorunError):
    """A question aside gets no answer."""


class TooManyAsides(AsideError):
    """So many questions are being answered that no more are taken.

    Args:
        limit: questions that are answered at a time.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} questions are being answered already")
        self.limit = limit


class NoAnswerInTime(AsideError):
    """Nothing has come for as long as one was to wait.

    Args:
        patience_s: how long that was.
    """

    def __init__(self, patience_s: float) -> None:
        super().__init__(f"no answer within {patience_s:g} s")
        self.patience_s = patience_s


class AsidesClosed(AsideError):
    """The process that asks is about to end."""


class EngineError(GovorunError):
    """The model could not write."""


class EngineUnavailable(EngineError):
    """The engine is down, overloaded or too slow: worth another try later."""


class PromptTooLong(EngineError):
    """The prompt does not fit the model's context."""


class ModelRefused(EngineError):
    """The model may not be loaded, or does not exist; the text says what to use instead."""


class ReviewError(GovorunError):
    """An operator's wish cannot be fulfilled; the text may be shown to the operator."""


class TakenAlready(ReviewError):
    """The dialogue is in somebody else's hands, or over."""


class NotClaimed(ReviewError):
    """The dialogue is not in the operator's hands, or not any more."""


class Overtaken(ReviewError):
    """Somebody else has changed it since."""


class EvaluationError(GovorunError):
    """Two models, adapters or seeds cannot be compared as asked; the text says why."""


class ExportError(GovorunError):
    """Training data cannot be written as asked, or are not what their manifest says."""


class TrainingError(GovorunError):
    """A model cannot be trained as asked; the text says what to do instead."""


class PromotionError(GovorunError):
    """Something may not take a seed's place; the text names the link of its lineage that is broken, or what fails."""


class StorageError(GovorunError):
    """Redis or SQL could not do what was asked."""


class StorageUnavailable(StorageError):
    """Redis or SQL is out of reach: worth another try later."""


class StaleJob(StorageError):
    """The job was taken over, cancelled or finished by somebody else; what was written for it must be dropped."""
