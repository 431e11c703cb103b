"""`make cluster` as a newcomer uses it: start, do what it says, Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ledger.config import ENV_PREFIX
from tests.waiting import eventually_now

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 90


# The fixtures say whether such servers can be had here; the cluster starts its own.
@pytest.mark.usefixtures("kafka_bootstrap", "postgres_url")
def test_what_it_prints_works() -> None:
    """Both instances take requests, each for all partitions; Ctrl-C ends everything with 0."""
    command = [sys.executable, "examples/cluster.py", "--port", "0"]
    patient = os.environ | {f"{ENV_PREFIX}VIEW_WAIT_SECONDS": "60"}
    with subprocess.Popen(
        command, cwd=ROOT, env=patient, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            urls: list[str] = []
            for line in process.stdout:
                if line.startswith("ready "):
                    urls.append(line.split()[1])
                if line.startswith("Ctrl-C"):
                    break
            first, second = urls
            _trade(first, second)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(STOP_SECONDS)
    assert code == 0


def _trade(first: str, second: str) -> None:
    item = {"sku": "TEA", "location": "MAIN/A"}
    with httpx.Client(timeout=STOP_SECONDS) as client:
        received = client.post(
            f"{first}/v1/movements", json=item | {"type": "receipt", "quantity": "10"}
        )
        assert received.status_code == 201, received.text
        picked = client.post(
            f"{second}/v1/movements", json=item | {"type": "pick", "quantity": "4"}
        )
        assert picked.status_code == 201, picked.text
        position = picked.headers["ledger-position"]
        for url in (first, second):
            seen = client.get(f"{url}/v1/stock/TEA", params={"min_position": position})
            assert seen.json()["on_hand"] == "6", seen.text
            assert "stockledger_" in client.get(f"{url}/metrics").text
        eventually_now(lambda: client.get(f"{second}/readyz").status_code == 200)
