"""What `make` says of a Python that stockledger is not tested with."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEWEST = "3.14"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="NOT TESTED: there is no make")


def _made(folder: Path, found: str, *arguments: str) -> tuple[int, str]:
    """Exit code and errors of making an environment with an interpreter of that version."""
    shutil.copy(ROOT / "Makefile", folder)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\ncase "$1" in -c) echo {found} ;; *) echo "$@" > made ;; esac\n')
    python.chmod(0o755)
    command = ("make", ".venv/bin/python", "PYTHON=./python", *arguments)
    # Not as a part of the `make test` that may run this.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        command, cwd=folder, env=outside, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("found", ["2.7", "3.9", "3.1", "3.15"])
def test_another_one_is_told_in_a_sentence(tmp_path: Path, found: str) -> None:
    """Before anything is made; and how to try it all the same."""
    code, err = _made(tmp_path, found)
    sentence, failed = err.splitlines()
    assert code == 2
    assert sentence.startswith(f"./python is Python {found}; stockledger is tested with 3.11 ")
    assert f"make PYTHON=python{NEWEST}" in sentence
    assert failed.startswith("make: *** ")
    assert not (tmp_path / "made").exists()
    assert _made(tmp_path, found, f"PYTHONS={found}") == (0, "")
    assert (tmp_path / "made").read_text() == "-m venv --clear .venv\n"


def test_those_it_is_tested_with(tmp_path: Path) -> None:
    """They are the ones that the package names."""
    kinds = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [kind.rpartition(" ")[2] for kind in kinds if kind.startswith("Programming Language")]
    assert named[-1] == NEWEST
    for found in named:
        assert _made(tmp_path, found) == (0, "")
