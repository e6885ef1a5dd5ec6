"""A Dask cluster: found or started, looked at before it is given work, and waited for."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from netprobe.cluster import work
from netprobe.errors import EnvironmentFault, NetprobeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeVar

    from distributed import Client, Future

    from netprobe.cluster.address import ClusterAddress

    Result = TypeVar("Result")

CONNECT_S = 10
"""How long a scheduler may take to answer, and its first worker to be there."""
WITHOUT_WORKERS_S = 30
"""How long work waits for a worker to come back, where none is left."""
REACH_S = 2
"""How long a worker may take to answer this process; they may be in a network that only the scheduler reaches."""
_LOOK_S = 0.25
_FETCH_S = 600
_VERSION = "__import__('netprobe.cluster.work').cluster.work.version()"
_ENDED = "start workers, or ask without --cluster"


@contextmanager
def connected(address: ClusterAddress) -> Iterator[DaskWorkers]:
    """The workers of a cluster; such as were started here end with the context.

    Raises:
        EnvironmentFault: Dask is not installed, the cluster cannot be reached, has no worker, or workers of another netprobe.
    """
    for package in ("distributed", *(("cryptography",) if address.local else ())):
        if find_spec(package) is None:
            raise EnvironmentFault(
                f"--cluster: {package} is not installed",
                "install netprobe with its extra: pip install '.[cluster]' in a clone",
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that differ: what matters here is looked at
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # one line of ours says what is wrong
        with (
            _local(address.local) if address.local else _remote(address.scheduler) as client,
            client.as_current(),  # who calls may have a client of its own, whose loop would wait for this one's work
        ):
            workers = DaskWorkers(client, address.scheduler or f"local:{address.local}")
            workers.check_version()
            workers.fetch_directly()
            yield workers


@contextmanager
def _remote(scheduler: str) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError, TypeError) as error:  # TypeError: TLS without certificates
        why = " ".join(str(error).split())
        raise EnvironmentFault(
            f"no Dask scheduler answers at {scheduler}: {why}", "dask scheduler starts one"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=CONNECT_S)


@contextmanager
def _local(count: int) -> Iterator[Client]:
    """Processes of this machine. They talk by TLS with keys of this run: nobody else on the machine can give them work."""
    from distributed import Client, LocalCluster, Security

    cluster = LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tls",
        security=Security.temporary(),
        dashboard_address=None,
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:
        yield client


class DaskWorkers:
    """Workers that are there, and of this version.

    Args:
        client: connected to their scheduler.
        name: what messages call the cluster.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    @property
    def count(self) -> int:
        """How many pieces can be worked on at a time."""
        return sum(self._client.nthreads().values())

    def check_version(self) -> None:
        """Raise EnvironmentFault where no worker is there, or the scheduler or a worker is not of this version."""
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise EnvironmentFault(f"{self._name} has no worker", _ENDED) from error
        there = {f"the worker {name}": told for name, told in self._everywhere(eval, _VERSION).items()}
        for who, version in {f"the scheduler {self._name}": self._at_scheduler(), **there}.items():
            if version != work.version():
                has = f"netprobe {version}" if isinstance(version, str) else "no netprobe that reads for others"
                raise EnvironmentFault(
                    f"{who} has {has}, this is {work.version()}", "install the same netprobe there, and start it again"
                )

    def _at_scheduler(self) -> object:
        """Its version, or why it has none: it takes tasks apart, so it needs what they are made of."""
        try:
            return self._client.run_on_scheduler(eval, _VERSION)
        except Exception as error:  # noqa: BLE001 - whatever was raised there
            return error

    def check_files(self, files: Mapping[str, int], names: Mapping[str, str]) -> None:
        """Raise EnvironmentFault where a worker does not have the files, by their sizes, as they are here.

        Args:
            files: path -> size.
            names: path -> what messages call it.
        """
        for worker, there in self._everywhere(work.sizes, [*files]).items():
            if isinstance(there, BaseException):
                raise EnvironmentFault(f"the worker {worker} cannot look at files: {there}") from there
            for file, size in files.items():
                if there.get(file) != size:
                    raise EnvironmentFault(
                        f"the worker {worker} does not have {names[file]} as it is here",
                        "captures must be in a folder that all workers see under the same path",
                    )

    def without_code(self) -> dict[str, str]:
        """Workers that have no machine code to read with, and why."""
        told = self._everywhere(work.without_code)
        return {worker: why for worker, why in told.items() if isinstance(why, str) and why}

    def fetch_directly(self) -> None:
        """Have results come from the workers themselves, not through the scheduler, where each worker answers this process."""
        there = [*self._client.nthreads()]
        self._client.direct_to_workers = self._client.sync(_reached, there, self._client.connection_args)

    def _everywhere(self, function: Callable[..., Any], *given: object) -> dict[str, Any]:
        try:
            told: dict[str, Any] = self._client.run(function, *given, on_error="return")
        except (OSError, RuntimeError) as error:
            raise EnvironmentFault(f"{self._name} does not answer: {error}", _ENDED) from error
        return told

    def hear(self, topic: str, handler: Callable[[tuple[float, Any]], object]) -> None:
        """Have a function called with what workers say of a topic, in a thread of its own."""
        self._client.subscribe_topic(topic, handler)

    def done(
        self,
        function: Callable[..., Result],
        jobs: Sequence[tuple[Any, ...]],
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[int, Result]]:
        """Have workers call a function with the arguments of each job; yield the job's number and what came of it, as they end.

        What a worker that dies was doing, and what it had done and kept, others do again.

        Args:
            function: what each does.
            jobs: its arguments.
            meanwhile: called now and then.

        Raises:
            NetprobeError: the function's own.
            EnvironmentFault: it failed otherwise, all workers are gone, or some died of it again and again.
        """
        futures = {future: number for number, future in enumerate(self.promised(function, jobs))}
        try:
            while futures:
                for future in self._some(futures, meanwhile):
                    yield futures.pop(future), self._result(future)
        finally:
            if futures:
                self._client.cancel([*futures], force=True)

    def promised(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> list[Future]:
        """Have workers call a function as in :meth:`done`, and keep what comes of it for other jobs, which take these results as arguments."""
        if not jobs:
            return []
        futures: list[Future] = self._client.map(function, *zip(*jobs, strict=True), pure=False)  # one message for all
        return futures

    def _some(self, futures: dict[Future, int], meanwhile: Callable[[], object]) -> list[Future]:
        """Those that ended, one at least."""
        from distributed import wait

        seen = time.monotonic()
        while True:
            try:
                return [*wait([*futures], timeout=_LOOK_S, return_when="FIRST_COMPLETED").done]
            except TimeoutError:
                meanwhile()
                seen = time.monotonic() if self._alive() else seen
            if time.monotonic() - seen > WITHOUT_WORKERS_S:
                raise EnvironmentFault(f"{self._name} has no worker any more", _ENDED)

    def _alive(self) -> bool:
        try:
            return bool(self._client.nthreads())
        except (OSError, RuntimeError):
            return False

    def _result(self, future: Future) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result(timeout=_FETCH_S)
        except NetprobeError:
            raise
        except KilledWorker as error:
            raise EnvironmentFault(
                f"{self._name}: workers ended again and again at one piece of the captures",
                "do they have memory enough?",
            ) from error
        except (CancelledError, TimeoutError) as error:
            raise EnvironmentFault(f"{self._name} went away", _ENDED) from error
        except Exception as error:
            why = " ".join(str(error).split())
            raise EnvironmentFault(f"{self._name}: a worker failed: {type(error).__name__}: {why}") from error


async def _reached(workers: Sequence[str], how: dict[str, Any]) -> bool:
    """Whether each of these answers soon."""
    from distributed import rpc

    async def answers(worker: str) -> bool:
        async with rpc(worker, timeout=REACH_S, connection_args=how) as asked:
            await asyncio.wait_for(asked.identity(), REACH_S)
        return True

    try:
        return all(await asyncio.gather(*(answers(worker) for worker in workers)))
    except (OSError, TimeoutError, ValueError):
        return False
