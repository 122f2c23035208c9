"""Everything that operators may read of the log in one transaction."""

from __future__ import annotations

from storage.log.review.accounts import Accounts
from storage.log.review.overview import Overviews
from storage.log.review.transcripts import Transcripts


class Reading(Transcripts, Overviews, Accounts):
    """One transaction, opened by `SqlLog.reviewing`; all of it sees the same state.

    Raises:
        StorageUnavailable: from any method: the database is out of reach or busy.
    """
