from __future__ import annotations

import signal

from dialogue.learning.watching import Moment, Watch


def test_ctrl_c_is_answered_before_its_step_has_ended() -> None:
    shown: list[Moment] = []

    with Watch(shown.append).interruptible():
        signal.raise_signal(signal.SIGINT)

        assert [moment.is_ending for moment in shown] == [True]
