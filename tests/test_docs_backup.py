"""docs/backup.md is true: its commands run as written, on a running server and on a broker."""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.config import ENV_PREFIX

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "backup.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BROKER = "localhost:9092"
# Generous, for machines that do many other things at once.
SECONDS_MAX = 200
MOVEMENTS = b"".join(
    b'{"id":"b%d","type":"receipt","sku":"%b","quantity":"3","location":"MAIN"}\n'
    % (number, b"85123A" if number % 2 else b"22423")
    for number in range(40)
)


@pytest.fixture
def environment(kafka_bootstrap: str, topic_prefix: str) -> dict[str, str]:
    """No settings but where the test's topics are; the command line by its name."""
    plain = {name: one for name, one in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return plain | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        f"{ENV_PREFIX}TOPIC_PREFIX": topic_prefix,
        f"{ENV_PREFIX}DEV": "true",
        f"{ENV_PREFIX}PARTITIONS": "3",
    }


@pytest.fixture
def served(tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    """A server in a folder of its own."""
    command = ["stockledger", "serve", "--port", "0", "--log-level", "warning"]
    command += ["--view-wait-seconds", "60"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready http://"), line
            yield line.split()[1]
        finally:
            process.terminate()
            process.wait(SECONDS_MAX)


def test_the_commands(
    served: str, tmp_path: Path, environment: dict[str, str], kafka_bootstrap: str
) -> None:
    """One after the other, beside the server, each block in a shell that stops at a failure."""
    request = urllib.request.Request(
        f"{served}/v1/movements/bulk", MOVEMENTS, {"Content-Type": "application/x-ndjson"}
    )
    with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
        assert answer.read().count(b'"accepted"') == 40
    blocks = BLOCK.findall(DOCUMENT.read_text())
    assert sum(BROKER in block for block in blocks) == 1
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace(BROKER, kafka_bootstrap)],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=SECONDS_MAX,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}"
    assert len((tmp_path / "exports/rows/movements.csv").read_text().splitlines()) == 41
    one = (tmp_path / "exports/one-sku").glob("log-*.ndjson")
    assert sum(len(path.read_text().splitlines()) for path in one) == 20
