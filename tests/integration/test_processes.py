"""`serve --processes N`: one port, several processes, one ledger."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.integration.shell import SECONDS_MAX, Shell
from tests.waiting import eventually_now

SKUS = [f"S{number}" for number in range(12)]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


def children(pid: int) -> list[int]:
    """The server processes under the parent; not the one that keeps track of shared memory."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found if "spawn_main" in command_line(each)]


def command_line(pid: str) -> str:
    """Of a process; nothing of one that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def receive(url: str, sku: str, turn: str = "") -> int:
    """One receipt over a connection of its own, so that any process may take it; the status.

    In one turn a SKU is received once, however often it is asked for.
    """
    body = {"type": "receipt", "sku": sku, "quantity": "1", "location": "MAIN/A"}
    body["id"] = f"{sku}-{turn}"
    try:
        return httpx.post(f"{url}/v1/movements", json=body, timeout=SECONDS_MAX).status_code
    except httpx.TransportError:
        return 0


def everywhere(url: str, turn: str) -> bool:
    """One receipt of each SKU, several at once; whether all of them are taken, now or before."""
    with ThreadPoolExecutor(4) as pool:
        statuses = {*pool.map(lambda sku: receive(url, sku, turn), SKUS)}
    return statuses <= {200, 201}


def on_hand(url: str) -> dict[str, int]:
    """Of every SKU, as the views have it now; nothing if they cannot be asked."""
    try:
        answer = httpx.get(f"{url}/v1/stock", params={"limit": 100}, timeout=SECONDS_MAX)
    except httpx.TransportError:
        return {}
    return {line["sku"]: int(line["on_hand"]) for line in answer.json().get("items", ())}


def test_any_process_takes_anything(shell: Shell) -> None:
    """A child is killed and comes back; nothing is lost; all end in order with 0."""
    server, url = shell.serve(0, "--processes", "2")
    assert everywhere(url, "first")
    bulk = [
        {"type": "receipt", "sku": sku, "quantity": "1", "location": "MAIN/A"} for sku in SKUS * 5
    ]
    answer = httpx.post(f"{url}/v1/movements/bulk", json=bulk, timeout=SECONDS_MAX)
    assert [one["status"] for one in answer.json()["results"]] == ["accepted"] * len(bulk)
    victims = children(server.pid)
    assert len(victims) == 2
    os.kill(victims[-1], signal.SIGKILL)
    eventually_now(lambda: victims[-1] not in children(server.pid))
    eventually_now(lambda: len(children(server.pid)) == 2, SECONDS_MAX)
    # Commands of the lost partitions may be refused until their process is back; not for ever.
    eventually_now(lambda: everywhere(url, "second"), SECONDS_MAX)
    eventually_now(lambda: on_hand(url) == dict.fromkeys(SKUS, 1 + 5 + 1), SECONDS_MAX)
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0


def test_each_process_is_an_instance_on_kafka(
    shell: Shell, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """Each decides its partitions and forwards the others; one that is killed comes back."""
    server, url = shell.serve(
        *(0, "--processes", "2", "--kafka-bootstrap", kafka_bootstrap, "--dev"),
        *("--topic-prefix", topic_prefix, "--partitions", "2", "--group-session-seconds", "6"),
    )
    eventually_now(lambda: everywhere(url, "first"), SECONDS_MAX)
    victims = children(server.pid)
    os.kill(victims[0], signal.SIGKILL)
    eventually_now(lambda: len(set(children(server.pid)) - {victims[0]}) == 2, SECONDS_MAX)
    eventually_now(lambda: everywhere(url, "second"), SECONDS_MAX)
    eventually_now(lambda: on_hand(url) == dict.fromkeys(SKUS, 2), SECONDS_MAX)
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0


def test_children_do_not_outlive_their_parent(shell: Shell) -> None:
    """However it ended."""
    server, url = shell.serve(0, "--processes", "2")
    left = children(server.pid)
    server.kill()
    eventually_now(lambda: not any(Path(f"/proc/{pid}/status").exists() for pid in left))
    assert receive(url, "A") == 0


def test_what_cannot_start_ends_at_once(shell: Shell) -> None:
    """With the reason and its code, and not in a circle."""
    code, out, err = shell.run(
        *("serve", "--port", "0", "--processes", "2"),
        *("--kafka-bootstrap", "127.0.0.1:1", "--dev", "--log-level", "error"),
    )
    assert (code, out) == (3, "")
    assert "Kafka" in err
    assert "Traceback" not in err
