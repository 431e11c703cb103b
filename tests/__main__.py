"""All tests: `make test`. Those that need nothing but CPU run beside the others.

Its output comes when the others are done, so that the two do not mix.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CPU_ALONE = ("tests/simulation", "tests/properties", "tests/unit/projections")
PYTEST = [sys.executable, "-m", "pytest"]
# Other tests wait for real servers and should not have to wait for this.
NICE = 10


def main() -> int:
    """0 if all tests passed."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryFile("w+") as output:
        beside = subprocess.Popen(
            [*PYTEST, "-p", "no:cacheprovider", *CPU_ALONE],
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(NICE),
        )
        try:
            others = subprocess.run(
                [*PYTEST, *(f"--ignore={folder}" for folder in CPU_ALONE)], cwd=root, check=False
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
