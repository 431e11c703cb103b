"""All tests: `make test`. Those that need no broker run beside the others.

Their output comes when the others are done, so that the two do not mix.
"""

import os
import subprocess
import sys
import tempfile
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
    """0 if all tests passed."""
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
            others = subprocess.run(
                [*PYTEST, *(f"--ignore={folder}" for folder in WITHOUT_BROKER)],
                cwd=root,
                check=False,
            )
            beside.wait()
        finally:
            beside.kill()
            beside.wait()
        output.seek(0)
        sys.stdout.write(output.read())
        sys.stdout.flush()
    return others.returncode or beside.returncode


if __name__ == "__main__":
    sys.exit(main())
