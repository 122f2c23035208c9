"""The error tree.

GovorunError                    everything that this project raises on purpose; its text may be shown to an operator
|-- SettingsError               a setting is wrong; the text says how to mend it
|-- SeedError                   a seed file is wrong: file, key, reason
|-- TranscriptError             text that does not follow the transcript's grammar
|-- MessageRefused              a person's message cannot be taken; the text of the refusal is chosen by `reason`
|   |-- MessageTooLong
|   |-- MessageEmpty
|   `-- TooManyWaiting
|-- EngineError                 the model could not write
|   |-- EngineUnavailable       down, overloaded or too slow: worth another try later
|   |-- PromptTooLong           the prompt does not fit the model's context
|   `-- ModelRefused            the model may not be loaded (pickled weights, remote code) or does not exist
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


class EngineError(GovorunError):
    """The model could not write."""


class EngineUnavailable(EngineError):
    """The engine is down, overloaded or too slow: worth another try later."""


class PromptTooLong(EngineError):
    """The prompt does not fit the model's context."""


class ModelRefused(EngineError):
    """The model may not be loaded, or does not exist; the text says what to use instead."""


class StorageError(GovorunError):
    """Redis or SQL could not do what was asked."""


class StorageUnavailable(StorageError):
    """Redis or SQL is out of reach: worth another try later."""


class StaleJob(StorageError):
    """The job was taken over, cancelled or finished by somebody else; what was written for it must be dropped."""
