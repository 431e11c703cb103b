"""All tests: `make test`. The simulator, which needs nothing but CPU, runs beside the others.

Its output comes when the others are done, so that the two do not mix.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIMULATION = "tests/simulation"
PYTEST = [sys.executable, "-m", "pytest"]
# Other tests wait for real servers and should not have to wait for this.
NICE = 10


def main() -> int:
    """0 if all tests passed."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryFile("w+") as output:
        simulated = subprocess.Popen(
            [*PYTEST, "-p", "no:cacheprovider", SIMULATION],
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(NICE),
        )
        try:
            others = subprocess.run([*PYTEST, f"--ignore={SIMULATION}"], cwd=root, check=False)
            simulated.wait()
        finally:
            simulated.kill()
            simulated.wait()
        output.seek(0)
        sys.stdout.write(output.read())
        sys.stdout.flush()
    return others.returncode or simulated.returncode


if __name__ == "__main__":
    sys.exit(main())
