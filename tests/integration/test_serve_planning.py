"""`stockledger serve` and the file with the parameters of its scheduled runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.console import ExitCode
from tests.integration.shell import Shell

WRONG = {
    "an unknown basis": ('[abc]\nbasis = "profit"\n', "abc.basis: expected 'value'"),
    "a day that has passed": (
        "as_of = 2026-01-01\n",
        "scheduled runs are about the present",
    ),
    "a cover without its method": (
        "[policies.cells.AX]\ncover_days = 3\n",
        "policies.cells.AX.cover_days",
    ),
    "no TOML": ("[abc\n", "plan.toml is malformed"),
    "no file": (None, "plan.toml cannot be read: No such file"),
}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_wrong_file_is_a_wrong_setting(shell: Shell, wrong: str, processes: str) -> None:
    """Exit code 2 and one sentence, before a log or a database is made."""
    text, sentence = WRONG[wrong]
    if text is not None:
        (shell.folder / "plan.toml").write_text(text)
    code, out, err = shell.run(
        *("serve", "--port", "0", "--processes", processes, "--planning-parameters", "plan.toml"),
        *(("--data-dir", "data") if processes == "1" else ("--kafka-bootstrap", "127.0.0.1:1")),
    )
    assert (code, out) == (ExitCode.USAGE, "")
    (line,) = err.splitlines()
    assert line.startswith("stockledger: planning_parameters: ")
    assert sentence in line
    assert not list((shell.folder / "data").glob("*.db"))


def test_without_the_role_nobody_reads_it(shell: Shell) -> None:
    """A process that makes no runs starts whatever the file says."""
    (shell.folder / "plan.toml").write_text("[abc\n")
    server, _ = shell.serve(0, "--planning-parameters", "plan.toml", "--roles", "writer,projector")
    assert server.poll() is None
