"""More callers than the system has files for."""

import contextlib
import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.shell import SECONDS_MAX, Shell, on_hand

FILES = 400
# Half of them at most are the server's own.
CONNECTIONS_MAX = 200
MOVEMENT = {"id": "r1", "type": "receipt", "sku": "A", "quantity": "3", "location": "MAIN"}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Commands that may open few files."""
    made = Shell(tmp_path)
    made.within = ["sh", "-c", f'ulimit -n {FILES}; exec "$0" "$@"']
    yield made
    made.close()


def test_those_that_are_too_many_are_told(shell: Shell) -> None:
    """The others, and what the server needs itself, have theirs."""
    _, url = shell.serve()
    parts = urllib.parse.urlsplit(url)
    place = (parts.hostname or "", parts.port or 0)
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS_MAX - 1):
            stack.enter_context(socket.create_connection(place, SECONDS_MAX))
        connection = http.client.HTTPConnection(*place, timeout=SECONDS_MAX)
        stack.callback(connection.close)
        connection.connect()
        for _ in range(5):
            with socket.create_connection(place, SECONDS_MAX) as refused:
                answer = refused.makefile("rb").read()
                assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert b'"code":"unavailable"' in answer
        head = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/movements", json.dumps(MOVEMENT), head)
        written = connection.getresponse()
        assert written.status == http.client.CREATED, written.read()
        position = written.headers["Ledger-Position"]
    assert on_hand(url, "A", position) == 3
    assert (shell.folder / "stderr").read_text() == ""
