"""How a server ends when it is told to: silently and in order, or at once when told again."""

import http.client
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.shell import SECONDS_MAX, Process, Shell, on_hand
from tests.waiting import eventually_now

MOVEMENT = {"type": "receipt", "sku": "A", "quantity": "3", "location": "MAIN/A"}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


def connect(url: str) -> http.client.HTTPConnection:
    """A connection that stays open."""
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=SECONDS_MAX)


def receive(connection: http.client.HTTPConnection) -> str:
    """Write a movement; its position."""
    body = json.dumps(MOVEMENT)
    connection.request("POST", "/v1/movements", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == http.client.CREATED
    return str(answer.headers["ledger-position"])


@contextmanager
def uploading(url: str) -> Iterator[http.client.HTTPConnection]:
    """A request whose body is on its way: the server must wait for the rest of it."""
    connection = connect(url)
    connection.putrequest("POST", "/v1/movements")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(json.dumps(MOVEMENT))))
    connection.endheaders(b"{")
    # Answered, so the bytes before it on the other connection have been read as well.
    other = connect(url)
    other.request("GET", "/livez")
    assert other.getresponse().read()
    other.close()
    yield connection
    connection.close()


def begin_to_stop(server: Process, url: str, number: signal.Signals) -> None:
    """Tell the server to stop and wait until it takes no connections any more."""
    host, _, port = url.removeprefix("http://").partition(":")

    def refuses() -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=SECONDS_MAX).close()
        except OSError:
            return True
        return False

    server.send_signal(number)
    eventually_now(refuses)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_is_silent(shell: Shell, number: signal.Signals) -> None:
    """The request under way is answered, connections without one are closed, exit code 0."""
    server, url = shell.serve()
    idle = connect(url)
    receive(idle)
    with uploading(url) as connection:
        begin_to_stop(server, url, number)
        connection.send(json.dumps(MOVEMENT)[1:].encode())
        assert connection.getresponse().status == http.client.CREATED
    assert server.wait(SECONDS_MAX) == 0
    assert (shell.folder / "stderr").read_text() == ""
    idle.close()


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,) * 2])
def test_twice_is_at_once(shell: Shell, numbers: tuple[signal.Signals, signal.Signals]) -> None:
    """One line, no traceback, exit code 130; what was acknowledged is there afterwards."""
    server, url = shell.serve()
    connection = connect(url)
    position = receive(connection)
    with uploading(url):
        begin_to_stop(server, url, numbers[0])
        assert server.poll() is None
        server.send_signal(numbers[1])
        assert server.wait(SECONDS_MAX) == 130
    connection.close()
    said = (shell.folder / "stderr").read_text()
    assert said == "stockledger: stopped at once; requests under way got no answer\n"
    _, url = shell.serve()
    assert on_hand(url, "A", position) == 3


def test_a_request_that_never_ends_is_given_up(shell: Shell) -> None:
    """When the time to drain is over; the caller hears so, and the process ends with 0."""
    server, url = shell.serve(0, "--request-timeout-seconds", "0.5")
    with uploading(url) as connection:
        begin_to_stop(server, url, signal.SIGTERM)
        answer = connection.getresponse()
        assert answer.status == http.client.SERVICE_UNAVAILABLE
        assert json.loads(answer.read())["code"] == "unavailable"
        assert server.wait(SECONDS_MAX) == 0
    said = (shell.folder / "stderr").read_text()
    assert "Cancel 1 running task" in said
    assert len(said.splitlines()) == 1
