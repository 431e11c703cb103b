"""All tests: `make test`. Those that need no broker run beside the others.

Their output comes when the others are done, so that the two do not mix.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

# About half of the time that all take.
WITHOUT_BROKER = (
    "tests/simulation",
    "tests/properties",
    "tests/unit",
    "tests/contract/read_models",
    "tests/e2e",
)
PYTEST = [sys.executable, "-m", "pytest"]
# The others wait for a broker, and should not have to wait for these.
NICE = 10


def main() -> int:
    """0 if all tests passed. What failed is said once more at the end."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryFile("w+") as output:
        beside = subprocess.Popen(
            [*PYTEST, "-p", "no:cacheprovider", *WITHOUT_BROKER],
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(NICE),
        )
        try:
            ignored = (f"--ignore={folder}" for folder in WITHOUT_BROKER)
            code, failures = run([*PYTEST, *ignored], root)
            beside.wait()
        finally:
            beside.kill()
            beside.wait()
        output.seek(0)
        failures += show(output)
    sys.stdout.writelines(failures)
    return code or beside.returncode


def run(command: list[str], folder: Path) -> tuple[int, list[str]]:
    """Its exit code, and what it says of failures; its output is shown as it comes."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            failures = show(process.stdout)
        except BaseException:
            # Its servers have to go too, so it is asked to end, and waited for.
            process.terminate()
            raise
    return process.returncode, failures


def show(lines: Iterable[str]) -> list[str]:
    """Print lines; those that name a test that failed."""
    failures = []
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith(("FAILED ", "ERROR ")):
            failures.append(line)
    return failures


if __name__ == "__main__":
    sys.exit(main())
