"""`stockledger privacy`: encrypt, open, erase, list."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

# Of a key that no file has.
TOKEN = f"enc1.{'k' * 22}.{'A' * 32}"


class Stdin(io.TextIOWrapper):
    """What is typed."""

    def __init__(self, content: bytes) -> None:
        """These bytes."""
        super().__init__(io.BytesIO(content))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whatever a test sets as stdin."""
    return monkeypatch


def protect(run: Run, typed: pytest.MonkeyPatch, text: bytes, *more: str) -> tuple[int, str, str]:
    """Encrypt for the subject `a`."""
    typed.setattr(sys, "stdin", Stdin(text))
    return run("privacy", "protect", "a", *more)


def test_a_text_is_protected_opened_and_erased(run: Run, typed: pytest.MonkeyPatch) -> None:
    """And the names of erased keys stay, to be erased again."""
    code, out, err = protect(run, typed, b"Ms Miller\n")
    token = out.strip()
    assert (code, err, token[:5]) == (0, "", "enc1.")
    assert json.loads(protect(run, typed, b"Ms Miller", "--json")[1]) == {"token": token}
    assert run("privacy", "open", token) == (0, "Ms Miller\n", "subject a\n")
    code, out, _ = run("privacy", "open", token, "--json")
    assert json.loads(out) == {"subject": "a", "text": "Ms Miller"}
    code, out, _ = run("privacy", "list", "--json")
    [row] = json.loads(out)
    assert (row["ref"], row["subject"], row["erased"]) == (token.split(".")[1], "a", None)
    backup = Path("data/privacy-keys.db").read_bytes()
    assert run("privacy", "list", "--erased") == (0, "", "")
    assert run("privacy", "erase", "a") == (0, f"erased the key {row['ref']}\n", "")
    code, out, err = run("privacy", "open", token)
    assert (code, out) == (1, "")
    assert f"the key {row['ref']} was erased at 20" in err
    assert "erased 20" in run("privacy", "list", "--erased")[1]
    Path("data/privacy-keys.db").write_bytes(backup)
    code, out, _ = run("privacy", "erase", "--ref", row["ref"], "--json")
    assert (code, [one["ref"] for one in json.loads(out)["erased"]]) == (0, [row["ref"]])
    assert run("privacy", "open", token)[0] == 1


def test_what_it_cannot_do(run: Run, typed: pytest.MonkeyPatch) -> None:
    """In a sentence, with the right exit code."""
    for text, says in (
        (b"", "a text has 1 to 300 bytes"),
        (b"x" * 301, "a text has 1 to 300 bytes"),
        ("€".encode() * 101, "a text has 1 to 300 bytes"),
        (b"\xff", "the text is not UTF-8"),
    ):
        code, out, err = protect(run, typed, text)
        assert (code, out, says in err) == (2, "", True)
    for arguments, expected, says in (
        (("open", "note"), 2, "this is no token"),
        (("erase",), 2, "name a subject, or keys by --ref"),
        (("list", "--kafka-bootstrap", "h:1"), 2, "privacy_keys_file must say which file"),
        (("erase", "a", "--ref", "b"), 2, "name a subject, or keys by --ref"),
    ):
        code, out, err = run("privacy", *arguments)
        assert (code, out, says in err) == (expected, "", True), err
    Path("data").mkdir()
    keys = Path("data/privacy-keys.db")
    keys.write_bytes(b"something else" * 99)
    keys.chmod(0o644)
    assert "chmod 600" in protect(run, typed, b"x")[2]
    keys.chmod(0o600)
    code, _, err = protect(run, typed, b"x")
    assert (code, "cannot be used: file is not a database" in err) == (1, True)


@pytest.mark.parametrize(
    "arguments", [("erase", "a"), ("erase", "--ref", "b"), ("list",), ("list", "--erased"),
                  ("open", TOKEN)]
)  # fmt: skip
def test_where_no_file_of_keys_is(run: Run, arguments: tuple[str, ...]) -> None:
    """A directory or a file that was misspelt is no good answer, and nothing is made there."""
    for flags, path in (
        (("--data-dir", "nowhere"), "nowhere/privacy-keys.db"),
        (("--kafka-bootstrap", "h:1", "--privacy-keys-file", "none"), "none"),
    ):
        code, out, err = run("privacy", *arguments, *flags, "--json")
        assert (code, out) == (1, "")
        assert err == f"stockledger: there is no file of keys: {path}\n"
        assert not Path(path).exists()


@pytest.mark.parametrize(
    "arguments", [("erase", "a"), ("list",), ("open", TOKEN), ("protect", "a")]
)
def test_a_directory_instead_of_the_file(
    run: Run, typed: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """As a container makes where a file to be mounted is missing; no advice on its rights."""
    Path("keys").mkdir()
    typed.setattr(sys, "stdin", Stdin(b"x"))
    code, out, err = run("privacy", *arguments, "--privacy-keys-file", "keys")
    assert (code, out) == (1, "")
    assert err == "stockledger: keys is a directory, not a file of keys\n"


def test_whoever_looks_at_settings_finds_that_directory(run: Run) -> None:
    """And a server does not start with it: it could not encrypt anything."""
    Path("keys").mkdir()
    flags = ("--port", "0", "--privacy-keys-file", "keys")
    sentence = "privacy_keys_file: keys is a directory, not a file of keys"
    assert run("serve", *flags) == (2, "", f"stockledger: {sentence}\n")
    code, out, _ = run("config", "--check", "--json", *flags)
    assert (code, json.loads(out)["wrong"]) == (1, [sentence])
    code, out, _ = run("doctor", "--json", *flags)
    found = [one for one in json.loads(out)["findings"] if one["state"] == "bad"]
    assert (code, [one["text"] for one in found]) == (1, [sentence])


def test_what_this_file_has_no_key_for(run: Run, typed: pytest.MonkeyPatch) -> None:
    """Subjects, names and tokens that another one may know."""
    assert protect(run, typed, b"x")[0] == 0
    for arguments, says in (
        (("erase", "b"), "the subject has no key in this file; it had none, or it was erased"),
        (("erase", "--ref", "b"), "not in this file, or erased already: b\n"),
        (("erase", "--ref", "b", "--ref", "c"), "not in this file, or erased already: b, c\n"),
        (("open", TOKEN), f"the key {TOKEN.split('.')[1]} is not in this file of keys"),
    ):
        code, out, err = run("privacy", *arguments)
        assert (code, out, says in err) == (1, "", True), err
