"""Clusters that are not there, not the right ones, or end: one line each, and no waiting for ever."""

from __future__ import annotations

import os
from contextlib import ExitStack
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client

from netprobe.cluster import scheduler as module
from netprobe.cluster.address import ClusterAddress
from netprobe.cluster.scheduler import connected
from netprobe.errors import EnvironmentFault, EvidenceFault
from tests.cluster.conftest import Processes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("cluster")


def raises(message: str) -> Any:
    return pytest.raises(EnvironmentFault, match=message)


def at(processes: Processes) -> ClusterAddress:
    return ClusterAddress(scheduler=processes.address)


def test_a_scheduler_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    with (
        raises("no Dask scheduler answers at tcp://127.0.0.1:1") as fault,
        connected(ClusterAddress(scheduler="tcp://127.0.0.1:1")),
    ):
        pass
    assert "\n" not in str(fault.value)
    assert fault.value.exit_code == 4


def test_tls_without_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 1)
    with raises("no Dask scheduler answers at tls://"), connected(ClusterAddress(scheduler="tls://127.0.0.1:1")):
        pass


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with raises("distributed is not installed") as fault, connected(ClusterAddress(local=1)):
        pass
    assert fault.value.hint == "install netprobe with its extra: pip install '.[cluster]' in a clone"


def test_a_scheduler_without_workers(scheduler: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 2)
    with raises("has no worker"), connected(at(scheduler)):
        pass


def test_a_worker_of_another_version(scheduler: Processes) -> None:
    scheduler.worker("import netprobe; netprobe.__version__ = '0.0.1'")
    with raises(r"the worker tcp://127.0.0.1:\d+ has netprobe 0\.0\.1 .*, this is"), connected(at(scheduler)):
        pass


def test_a_worker_without_netprobe(scheduler: Processes) -> None:
    scheduler.worker("import sys; sys.modules['netprobe'] = None")
    with raises("has no netprobe that reads for others"), connected(at(scheduler)):
        pass


def test_a_scheduler_without_netprobe(tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = Processes(tmp_path, stack, before="import sys; sys.modules['netprobe'] = None")
        processes.worker()
        with raises("the scheduler tcp://.* has no netprobe that reads for others"), connected(at(processes)):
            pass


def test_a_file_that_workers_do_not_have(cluster: Processes, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    with connected(at(cluster)) as workers:
        workers.check_files({str(file): 5}, {str(file): "a"})
        with raises("the worker tcp://[^ ]* does not have a as it is here"):
            workers.check_files({str(file): 6}, {str(file): "a"})


def test_what_a_worker_says_of_a_file_is_said_here(cluster: Processes) -> None:
    with connected(at(cluster)) as workers, pytest.raises(EvidenceFault, match="changed") as fault:
        list(
            workers.done(
                exec, [("from netprobe.errors import EvidenceFault; raise EvidenceFault('changed', 'ask again')",)]
            )
        )
    assert fault.value.hint == "ask again"


def test_another_error_of_a_worker_is_one_line(cluster: Processes) -> None:
    with connected(at(cluster)) as workers, raises("a worker failed: ValueError: invalid literal") as fault:
        list(workers.done(int, [("x\n",)]))
    assert "\n" not in str(fault.value)


def test_work_that_ends_its_workers(scheduler: Processes) -> None:
    for _ in range(4):
        scheduler.worker()
    with connected(at(scheduler)) as workers, raises("ended again and again|has no worker any more"):
        list(workers.done(os._exit, [(1,)]))


def test_workers_that_all_end(scheduler: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHOUT_WORKERS_S", 2)
    scheduler.worker()
    with connected(at(scheduler)) as workers, raises("has no worker any more"):
        list(workers.done(os._exit, [(1,)]))


def test_who_asks_may_have_a_client_of_its_own(cluster: Processes) -> None:
    with Client(cluster.address) as own, connected(at(cluster)) as workers:
        assert Client.current() is not own  # whose loop would not be woken by what is waited for
        assert list(workers.done(divmod, [(7, 2)])) == [(0, (3, 1))]


def test_what_workers_say_is_heard(cluster: Processes) -> None:
    heard: Queue[object] = Queue()
    with connected(at(cluster)) as workers:
        workers.hear("a-topic", lambda event: heard.put(event[1]))
        say = "__import__('distributed').get_worker().log_event('a-topic', [1])"
        assert list(workers.done(eval, [(say,)])) == [(0, None)]
        assert heard.get(timeout=60) == (1,)


def test_results_come_as_they_end(cluster: Processes) -> None:
    with connected(at(cluster)) as workers:
        assert workers.count == 2
        assert sorted(workers.done(divmod, [(7, 2), (9, 4)])) == [(0, (3, 1)), (1, (2, 1))]
        assert list(workers.done(divmod, [])) == []
