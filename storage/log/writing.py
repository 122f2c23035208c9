"""Everything that may be written to the log in one transaction."""

from __future__ import annotations

from storage.log.arrivals import Arrivals
from storage.log.erasure import Erasure
from storage.log.moving import Moving
from storage.log.outbox import Outbox
from storage.log.places import Places
from storage.log.promoting import Promoting
from storage.log.recording import Recording
from storage.log.review.accounts import Accounts
from storage.log.review.changes import Changes
from storage.log.review.thumbs import Thumbs
from storage.log.review.waking import Waking
from storage.log.standing_in import StandingIn
from storage.log.taking_back import TakingBack
from storage.log.versioning import Versioning


class Writing(
    Arrivals,
    TakingBack,
    Moving,
    Recording,
    StandingIn,
    Places,
    Changes,
    Waking,
    Thumbs,
    Accounts,
    Outbox,
    Erasure,
    Promoting,
    Versioning,
):
    """One transaction, opened by `SqlLog.writing`: all of it is kept, or nothing.

    Each base class is one idea and holds the methods of it.

    Raises:
        StorageUnavailable: from any method: the database is out of reach, busy or full.
    """
