from __future__ import annotations

import signal

import pytest

from netprobe.commands.stdin import ctrl_c_is_the_writers


def test_the_first_ctrl_c_is_the_writers_and_the_second_ours() -> None:
    with ctrl_c_is_the_writers({"-"}):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_stdin_it_is_ours() -> None:
    with pytest.raises(KeyboardInterrupt), ctrl_c_is_the_writers({"a.pcap"}):
        signal.raise_signal(signal.SIGINT)
