"""`stockledger serve`: one process that does what its roles say, until it is told to stop."""

import asyncio
import contextlib
import logging as standard_logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server

from ledger.config import Settings
from ledger.config.place import alone
from ops import logging
from ops.console import CommandError, ExitCode, drop_stdout
from ops.data_dir import prepare_data_dir, wrong_keys_file
from ops.faults import explain
from ops.listening import BACKLOG, listen, refuse_unknown_host
from ops.memory import keep_freed_memory
from ops.open_files import connections_max
from ops.processes import STOP_SIGNAL, serve_many

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Signals = tuple[signal.Signals, ...]
Ready = Callable[[], None]
Listeners = list[socket.socket]

# Between two looks; longer each time, because a recovery may take minutes.
READY_POLL_SECONDS_MIN = 0.01
READY_POLL_SECONDS_MAX = 1.0
READY_REQUEST_SECONDS = 5.0
# Beyond the time that a request may take by itself.
DRAIN_MARGIN_SECONDS = 5
KEEP_ALIVE_SECONDS = 30


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is under way and end with exit code 0.

    Prints one line on stdout when it is ready. Exit codes: 2 settings, port or directory cannot be
    used; 3 Kafka or the database does not answer; 1 the log is not what it must be; 130 it was told
    to stop a second time, and did at once.
    """
    logging.configure(settings.log_level, settings.log_format)
    refuse_unknown_host(settings.host)
    _refuse_open_server(settings)
    _refuse_directory(settings)
    _refuse_wrong_planning(settings)
    prepare_data_dir(settings)
    listener = listen(settings.host, settings.port)
    # Port 0 means any; others must be told the one it became.
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    with contextlib.closing(listener):
        if settings.processes > 1:
            if code := serve_many(settings, listener, _serve_one, lambda: _say_ready(settings)):
                raise SystemExit(code)
        else:
            _run(alone(settings), [listener], lambda: _say_ready(settings))


def _serve_one(settings: Settings, listeners: Listeners, ready: Ready) -> None:
    """One of several processes. Raises CommandError."""
    logging.configure(settings.log_level, settings.log_format)
    _run(settings, listeners, ready, (STOP_SIGNAL,))


def _run(
    settings: Settings,
    listeners: Listeners,
    ready: Ready,
    stop_signals: Signals = (signal.SIGINT, signal.SIGTERM),
) -> None:
    if (failure := _failure(settings, listeners, ready, stop_signals)) is not None:
        raise explain(failure, settings) or failure


def _failure(
    settings: Settings, listeners: Listeners, ready: Ready, stop_signals: Signals
) -> BaseException | None:
    """Serve until told to stop; why that could not go on, if so."""
    from api.app import create_app
    from api.connection import Protocol

    class Connection(Protocol):
        connections_max = connections_max()

    keep_freed_memory()
    try:
        app = create_app(settings)
    except Exception as error:
        raise explain(error, settings) or error from error
    guard = _Guard(app)
    config = Config(
        guard,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.request_timeout_seconds) + DRAIN_MARGIN_SECONDS,
        backlog=BACKLOG,
    )
    server = _Server(config, app.hand_over)
    factory = config.get_loop_factory()
    # What uvicorn says about a failed start, with a traceback, we say in a sentence.
    logger = standard_logging.getLogger("uvicorn.error")
    logger.addFilter(lambda _record: server.started)
    with asyncio.Runner(loop_factory=factory) as runner, contextlib.suppress(SystemExit):
        runner.run(_serve(server, listeners, ready, stop_signals))
    if guard.failure is None and not server.started:
        return CommandError("the server did not start", ExitCode.UNAVAILABLE)
    return guard.failure


async def _serve(
    server: "_Server", listeners: Listeners, ready: Ready, stop_signals: Signals
) -> None:
    loop = asyncio.get_running_loop()
    for number in stop_signals:
        loop.add_signal_handler(number, server.stop)
    announcing = asyncio.create_task(_announce(server, listeners[-1], ready))
    try:
        await server.serve(listeners)
    finally:
        announcing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await announcing


async def _announce(server: "_Server", listener: socket.socket, ready: Ready) -> None:
    """Say that it is ready, after asking over the network as anybody else would.

    `listener` is one that no other process listens on.
    """
    local, port = listener.getsockname()[:2]
    if local in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        local = "127.0.0.1" if local == "0.0.0.0" else "::1"  # noqa: S104
    wait_seconds = READY_POLL_SECONDS_MIN
    while not (server.started and await _is_ready(local, port)):
        await asyncio.sleep(wait_seconds)
        if server.started:
            wait_seconds = min(wait_seconds * 2, READY_POLL_SECONDS_MAX)
    ready()


def _say_ready(settings: Settings) -> None:
    """The one line on stdout."""
    log = "sqlite" if settings.kafka_bootstrap is None else "kafka"
    views = "sqlite" if settings.database_url is None else "postgresql"
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    many = f" processes={settings.processes}" if settings.processes > 1 else ""
    roles = ",".join(sorted(settings.roles))
    line = f"ready http://{shown}:{settings.port} log={log} views={views} roles={roles}{many}\n"
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except OSError:
        drop_stdout()  # nobody reads on, which is no reason to end


async def _is_ready(host: str, port: int) -> bool:
    request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(READY_REQUEST_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status_line.split(b" ")[1:2] == [b"%d" % HTTPStatus.OK]


class _Server(Server):
    """A server whose signals are ours: a drained process ends with 0, not by the signal."""

    def __init__(self, config: Config, hand_over: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._hand_over = hand_over
        self._stopping: asyncio.Future[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers alone that `_serve` set."""
        yield

    def stop(self) -> None:
        """Hand over to other instances, then drain; the second time, stop at once.

        The log survives an end at any moment, so there is nothing to tidy up. Cancelling everything
        would take its time, and every task would complain.
        """
        if self._stopping is not None:
            sys.stderr.write("stockledger: stopped at once; requests under way got no answer\n")
            sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)
        self._stopping = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        try:
            await self._hand_over()
        finally:
            self.should_exit = True


class _Guard:
    """Passes everything on to the application, and keeps why its start or end failed."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self.failure: BaseException | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "lifespan":
            try:
                await self._app(scope, receive, send)
            except asyncio.CancelledError:
                # Only uvicorn cancels a request, when it has drained for long enough.
                with contextlib.suppress(RuntimeError):  # the answer had begun
                    await _too_late(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            self.failure = error
            raise


async def _too_late(scope: "Scope", receive: "Receive", send: "Send") -> None:
    from api.problems import unavailable
    from api.standins import Refusal

    refusal = Refusal(unavailable("the server was stopped; send the same id again"))
    await refusal(scope, receive, send)


def _refuse_directory(settings: Settings) -> None:
    """A server that could not encrypt anything is not started."""
    if (sentence := wrong_keys_file(settings)) is not None:
        raise CommandError(sentence)


def _refuse_wrong_planning(settings: Settings) -> None:
    """Before anything is opened: a schedule that could not be kept is a wrong setting."""
    if settings.planning_parameters is None or "planner" not in settings.roles:
        return
    from api.planning import scheduled_request
    from projections.planning.parameters import InvalidParameters

    try:
        scheduled_request(settings)
    except InvalidParameters as error:
        raise CommandError(str(error)) from None


def _refuse_open_server(settings: Settings) -> None:
    from api.internal import check_secret
    from api.keys import load
    from api.security import is_loopback
    from ledger.errors import LedgerError

    if is_loopback(settings.host):
        return
    try:
        check_secret(settings)
    except LedgerError as error:
        raise CommandError(str(error)) from None
    try:
        known: Any = load(settings.api_keys_path)
    except LedgerError as error:
        raise CommandError(str(error), ExitCode.FOUND_WRONG) from None
    if not known:
        raise CommandError(
            f"{settings.host} can be reached from other machines, so API keys are needed: "
            "make one with `stockledger keys create NAME`, or listen on 127.0.0.1"
        )
