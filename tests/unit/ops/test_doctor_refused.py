"""`stockledger doctor` where the system refuses it something: it says so, and looks on."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.health import machine
from tests.unit.api.serving import settings_in
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

_NOBODY = 65_534
_CHECKS = ("settings", "python", "disk", "open files", "keys", "cluster secret", "port", "log",
           "clock", "database")  # fmt: skip


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """A folder that may not be entered, by root neither: it is somebody else for that time."""
    folder.mkdir()
    folder.chmod(0)
    folder.parent.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


def _of(out: str, check: str) -> list[tuple[str, str]]:
    found = [one for one in json.loads(out)["findings"] if one["check"] == check]
    assert all(one["advice"] for one in found if one["state"] == "bad")
    return [(one["state"], one["text"]) for one in found]


def test_a_directory_that_it_may_not_enter(run: Run, tmp_path: Path) -> None:
    """Each check that looks there says so, with the path; all others have their finding, too."""
    flags = (
        "--json", "--port", "0", "--data-dir", "locked/data", "--api-keys-file", "keys.json",
        "--planning-parameters", "locked/planning.toml",
        "--privacy-keys-file", "locked/private.db",
    )  # fmt: skip
    # Once with the right to, so that everything is imported.
    run("doctor", *flags)
    with _locked(tmp_path / "locked"):
        code, out, err = run("doctor", *flags)
    assert (code, err) == (1, "")
    for check, path in (
        ("settings", "planning.toml"), ("disk", "locked/data"), ("keys", "private.db"),
        ("log", "log.db"), ("database", "views.db"),
    ):  # fmt: skip
        state, text = _of(out, check)[-1]
        assert (state, path in text, "Permission denied" in text) == ("bad", True, True), text
    assert {one["check"] for one in json.loads(out)["findings"]} == set(_CHECKS)


def test_config_check_says_the_same(run: Run, tmp_path: Path) -> None:
    """The directory and the file that it may not look at, each with the reason."""
    flags = (
        "config", "--check", "--json", "--data-dir", "locked/data",
        "--api-keys-file", "locked/keys.json",
    )  # fmt: skip
    run(*flags)
    with _locked(tmp_path / "locked"):
        code, out, err = run(*flags)
    assert (code, err) == (1, "")
    assert json.loads(out)["wrong"] == [
        "the data directory locked/data: Permission denied",
        "api_keys_file: locked/keys.json: Permission denied",
    ]


def test_keys_that_it_may_not_read(run: Run, tmp_path: Path) -> None:
    """They are not damaged, and nobody needs new ones."""
    flags = ("--json", "--port", "0", "--api-keys-file", "locked/keys.json")
    run("doctor", *flags)
    with _locked(tmp_path / "locked"):
        code, out, _ = run("doctor", *flags)
    advice = [one["advice"] for one in json.loads(out)["findings"] if one["check"] == "keys"]
    assert code == 1
    assert ["new keys" in one for one in advice] == [False]


def test_a_path_that_the_system_does_not_take(run: Run) -> None:
    """Whatever it refuses, and to whomever."""
    code, out, err = run("doctor", "--json", "--port", "0", "--data-dir", "x" * 300)
    assert (code, err) == (1, "")
    for check in ("disk", "keys", "log", "database"):
        [(state, text)] = _of(out, check)
        assert (state, "x" * 300 in text, "too long" in text) == ("bad", True, True), text


def test_certificates_that_are_not_there(run: Run) -> None:
    """A publisher looks at its topics by them."""
    code, out, err = run(
        "doctor", "--json", "--port", "0", "--kafka-bootstrap", "127.0.0.1:1", "--dev",
        "--kafka-security-protocol", "SSL", "--kafka-ssl-cafile", "no.pem",
        "--roles", "api,writer,projector,publisher",
    )  # fmt: skip
    assert (code, err) == (1, "")
    for check in ("settings", "log", "topics"):
        state, text = _of(out, check)[0]
        assert (state, "no.pem" in text) == ("bad", True)


def test_an_address_that_this_machine_has_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else has taken the port: it is the host that is wrong."""
    flags = ("doctor", "--json", "--port", "1")
    # RFC 5737 gives it to documents.
    code, out, _ = run(*flags, "--host", "192.0.2.1")
    [(state, text)] = _of(out, "port")
    assert (code, state, "not by us" in text) == (1, "bad", False)

    class WithoutIPv6(socket.socket):
        def __init__(self, family: int = -1, *args: Any, **options: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            super().__init__(family, *args, **options)

    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    refused = machine.cannot_listen(settings_in(tmp_path, host="::", port=1))
    assert refused is not None
    assert refused.errno == errno.EAFNOSUPPORT
    code, out, _ = run(*flags, "--host", "::")
    assert (code, _of(out, "port")) == (
        1,
        [("bad", ":: port 1: Address family not supported by protocol")],
    )
