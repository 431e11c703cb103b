"""The command line as its users have it: real processes, a real port, real interruptions."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.config import Settings
from tests.integration.shell import (
    LINES,
    MAPPING,
    PARTITIONS,
    SECONDS_MAX,
    Process,
    Sales,
    Shell,
    ids_and_sums,
    make_sales,
    on_hand,
    open_stock,
)
from tests.servers_process import free_ports
from tests.waiting import eventually_now


@pytest.fixture
def sales(tmp_path: Path) -> Sales:
    """Real sales in the same folder."""
    return make_sales(tmp_path)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


def records_done(folder: Path) -> int:
    """How far the load says that it is, looked at from outside while it runs."""
    for path in (folder / "state" / "stockledger" / "load").glob("*.json"):
        return int(json.loads(path.read_text())["counts"]["records"])
    return 0


def embedded(shell: Shell) -> Settings:
    """The settings of the server in the folder."""
    return Settings(data_dir=shell.folder / "data", partitions=PARTITIONS)


def test_a_file_loaded_twice_counts_once(shell: Shell, sales: Sales) -> None:
    """And the server drains and ends with 0 when it is told to stop."""
    server, url = shell.serve()
    open_stock(shell, url, sales)
    first = shell.load(url, sales.file, MAPPING)
    assert first["records"] == LINES
    assert first["accepted"] + sum(first["skipped"].values()) == LINES
    second = shell.load(url, sales.file, MAPPING)
    assert (second["accepted"], second["replayed"]) == (0, first["accepted"])
    for sku in list(sales.left)[:20]:
        assert on_hand(url, sku, second["positions"]) == sales.left[sku]
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0
    ids, sums = ids_and_sums(embedded(shell))
    assert set(ids.values()) == {1}
    assert len(ids) == sales.opened + first["accepted"]
    assert +sums == +sales.left


def kill_amid_load(shell: Shell, sales: Sales, server: Process, url: str) -> Process:
    """Begin to load and kill the server on the way; the load goes on waiting for it."""
    command = ("load", str(sales.file), "--mapping", str(MAPPING), "--url", url, "--batch", "20")
    loader = shell.start(*command, "--json")
    eventually_now(
        lambda: loader.poll() is not None or records_done(shell.folder) >= LINES / 10, SECONDS_MAX
    )
    assert loader.poll() is None, "the load ended before the server could be killed"
    server.kill()
    server.wait()
    return loader


@pytest.mark.parametrize("loader_dies", [True, False])
def test_a_killed_server_loses_and_doubles_nothing(
    shell: Shell, sales: Sales, loader_dies: bool
) -> None:
    """Whether the load is started again or waits for the server to come back."""
    # A port that nobody else gets while the server is away.
    server, url = shell.serve(free_ports(1)[0])
    open_stock(shell, url, sales)
    loader = kill_amid_load(shell, sales, server, url)
    if loader_dies:
        loader.kill()
        loader.wait()
    server, again = shell.serve(port=int(url.rpartition(":")[2]))
    assert again == url
    if not loader_dies:
        out, _ = loader.communicate(timeout=SECONDS_MAX)
        assert loader.returncode == 0
        assert json.loads(out)["records"] == LINES
    done = shell.load(url, sales.file, MAPPING)
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0
    ids, sums = ids_and_sums(embedded(shell))
    assert set(ids.values()) == {1}
    assert len(ids) == sales.opened + done["accepted"] + done["replayed"]
    assert +sums == +sales.left


def test_kafka_and_postgresql_are_a_setting(
    shell: Shell, sales: Sales, kafka_bootstrap: str, postgres_url: str, topic_prefix: str
) -> None:
    """The same two commands, and the ones that prepare a production."""
    flags = (
        *("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev"),
        *("--database-url", postgres_url, "--partitions", str(PARTITIONS)),
    )
    code, _, err = shell.run("topics", *flags)
    assert code == 1
    assert "does not exist" in err
    assert shell.run("topics", "--create", *flags)[0] == 0
    assert shell.run("migrate", *flags)[0] == 0
    assert shell.run("config", "--check", *flags)[0] == 0
    code, _, err = shell.run("topics", *flags, "--partitions", "5")
    assert code == 1
    assert "4 partitions, not 5" in err
    server, url = shell.serve(0, *flags, "--no-migrate")
    open_stock(shell, url, sales)
    first = shell.load(url, sales.file, MAPPING)
    second = shell.load(url, sales.file, MAPPING)
    assert (second["accepted"], second["replayed"]) == (0, first["accepted"])
    sku = next(iter(sales.left))
    assert on_hand(url, sku, second["positions"]) == sales.left[sku]
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0
    ids, sums = ids_and_sums(
        Settings(
            kafka_bootstrap=kafka_bootstrap,
            topic_prefix=topic_prefix,
            partitions=PARTITIONS,
            dev=True,
        )
    )
    assert set(ids.values()) == {1}
    assert +sums == +sales.left


def test_a_server_killed_on_kafka_and_postgresql(
    shell: Shell, sales: Sales, kafka_bootstrap: str, postgres_url: str, topic_prefix: str
) -> None:
    """Start it and load again: the views show what the file adds up to, and no id is twice."""
    flags = (
        *("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix, "--dev"),
        *("--database-url", postgres_url),
    )
    server, url = shell.serve(free_ports(1)[0], *flags)
    open_stock(shell, url, sales)
    loader = kill_amid_load(shell, sales, server, url)
    loader.kill()
    loader.wait()
    # All that was acknowledged once is acknowledged again.
    acknowledged = records_done(shell.folder)
    server, url = shell.serve(int(url.rpartition(":")[2]), *flags)
    done = shell.load(url, sales.file, MAPPING)
    assert done["records"] == LINES > acknowledged
    for sku in list(sales.left)[:200]:
        assert on_hand(url, sku, done["positions"]) == sales.left[sku]
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS_MAX) == 0
    ids, sums = ids_and_sums(
        Settings(
            kafka_bootstrap=kafka_bootstrap,
            topic_prefix=topic_prefix,
            partitions=PARTITIONS,
            dev=True,
        )
    )
    assert set(ids.values()) == {1}
    assert len(ids) == sales.opened + done["accepted"] + done["replayed"]
    assert +sums == +sales.left


def test_refusals_are_named_by_line(shell: Shell) -> None:
    """Exit code 1, and a file that says which and why."""
    _, url = shell.serve()
    file = shell.folder / "sales.csv"
    file.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "1,A,,5,2026-01-01 10:00:00,1,,\n"
        "C2,A,,5,2026-01-01 10:00:00,1,,\n"
        "3,A,,x,2026-01-01 10:00:00,1,,\n"
        "4,A,,5,2026-01-01 10:00:00,1,,\n"
    )
    rejects = shell.folder / "rejects"
    code, out, _ = shell.run(
        *("load", str(file), "--mapping", str(MAPPING), "--url", url, "--rejects", str(rejects))
    )
    assert code == 1
    assert "2 accepted, 0 replayed, 2 refused" in out
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["line"], one["code"]) for one in lines] == [
        (2, "insufficient_stock"),
        (4, "unmappable"),
    ]


def test_why_a_server_does_not_start(shell: Shell) -> None:
    """One sentence, no traceback, and the documented exit code."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = shell.run("serve", "--port", port)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"stockledger: cannot listen on 127.0.0.1 port {port}: .*\n", err)
    for flags, part in (
        (("--kafka-bootstrap", "127.0.0.1:9", "--dev"), "Kafka at 127.0.0.1:9 does not answer"),
        (("--database-url", "postgresql://u:hidden@127.0.0.1:9/d"), "the views' database"),
    ):
        code, out, err = shell.run("serve", "--port", "0", "--log-level", "error", *flags)
        assert (code, out) == (3, ""), err
        assert part in err
        assert "Traceback" not in err
        assert "hidden" not in err


def test_a_server_that_says_so_is_ready(shell: Shell) -> None:
    """How soon, the benchmark measures."""
    server, url = shell.serve()
    with urllib.request.urlopen(f"{url}/readyz", timeout=SECONDS_MAX) as answer:
        assert answer.status == 200
    server.send_signal(signal.SIGINT)
    assert server.wait(SECONDS_MAX) == 0


def test_what_is_no_http(shell: Shell) -> None:
    """A problem like any other; an offer of another protocol costs the caller nothing."""
    _, url = shell.serve()
    port = int(url.rpartition(":")[2])

    def told(sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as one:
            one.sendall(sent)
            one.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: one.recv(65_536), b""))

    assert b'"code":"malformed_http"' in told(b"no http\r\n\r\n")
    body = b'{"id": "m-1", "sku": "A", "type": "receipt", "quantity": "1", "location": "MAIN"}'
    head = (
        b"POST /v1/movements HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    answer = told(head + body)
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert b'"id":"m-1"' in answer


def test_a_body_that_is_too_large_is_answered(shell: Shell) -> None:
    """Its sender hears why, although it has not been read, and may go on."""
    _, url = shell.serve()
    caller = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), SECONDS_MAX)
    for path in ("/v1/movements", "/v1/movements/bulk"):
        content = b" " * (17 * 1024 * 1024)
        caller.request("POST", path, content, {"Content-Type": "application/json"})
        answer = caller.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "too_large")
    caller.request("GET", "/livez")
    assert caller.getresponse().status == 200
    caller.close()


def test_the_embedded_default_never_imports_kafka() -> None:
    """It costs time that a newcomer would wait for."""
    script = (
        "import sys; from ledger.config import Settings, open_log, open_snapshots;"
        "import ops.cli, api.app; s = Settings(_env_file=None); open_log(s); open_snapshots(s);"
        "sys.exit('aiokafka' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_no_room_for_an_answer(flags: tuple[str, ...]) -> None:
    """A sentence and exit code 3; no traceback, and nothing is called good."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ops", "config", *flags],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=SECONDS_MAX,
        )  # fmt: skip
    said = "stockledger: it cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (3, said)
