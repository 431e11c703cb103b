"""API keys: the file, and who is let in."""

import stat
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api import security
from api.keys import (
    KeysFileDamaged,
    UnknownKey,
    create_key,
    hash_secret,
    list_keys,
    load,
    revoke_key,
)
from api.problems import Problem
from api.security import Gate, KeyRing, KeysRequired, is_loopback
from tests.unit.api.serving import settings_in


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "KEYS_CHECK_SECONDS", 0.0)


def head(**values: bytes | None) -> Any:
    names = ("authorization", "api_key", "host", "origin")
    return SimpleNamespace(**{name: values.get(name) for name in names})


def bearer(token: str) -> Any:
    return head(authorization=f"Bearer {token}".encode())


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    """The file is its owner's alone."""
    path = tmp_path / "deep" / "keys.json"
    identity, token = create_key(path, "till 3")
    prefix, shown, secret = token.split("_", 2)
    assert (prefix, shown) == ("sl", identity)
    assert secret not in path.read_text()
    assert hash_secret(secret) in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    (key,) = list_keys(path)
    assert (key.id, key.name, key.roles) == (identity, "till 3", ("read", "write"))


def test_keys_are_revoked(tmp_path: Path) -> None:
    """One at a time, the others stay."""
    path = tmp_path / "keys.json"
    first, _ = create_key(path, "a")
    second, _ = create_key(path, "b", ("read",))
    assert revoke_key(path, first).name == "a"
    assert list(load(path)) == [second]
    with pytest.raises(UnknownKey):
        revoke_key(path, first)


def test_many_change_the_file_at_once(tmp_path: Path) -> None:
    """Whoever revokes brings nothing back, and whoever makes one loses none."""
    path = tmp_path / "keys.json"
    old = [create_key(path, "old")[0] for _ in range(12)]
    made: list[str] = []

    def work(number: int) -> None:
        for one in old[number::4]:
            made.append(create_key(path, "new")[0])
            revoke_key(path, one)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == len(old)
    assert set(load(path)) == set(made)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_names_are_short_texts(tmp_path: Path, name: str) -> None:
    """They are shown in lists."""
    with pytest.raises(ValueError, match="a name has"):
        create_key(tmp_path / "keys.json", name)


def test_roles_are_known_ones(tmp_path: Path) -> None:
    """And there is at least one."""
    with pytest.raises(ValueError, match="roles are"):
        create_key(tmp_path / "keys.json", "a", ())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format":2,"keys":[]}', '{"format":1}'])
def test_a_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    """It is never taken for no keys."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeysFileDamaged, match=r"keys\.json"):
        load(path)


def test_only_the_right_secret_opens(tmp_path: Path) -> None:
    """Anything else does not, and does not fail either."""
    path = tmp_path / "keys.json"
    identity, token = create_key(path, "a")
    ring = KeyRing(path)
    found = ring.find(token)
    assert found is not None
    assert found.id == identity
    for wrong in (
        "",
        "sl",
        "sl_",
        f"sl_{identity}",
        f"sl_{identity}_",
        f"{token}x",
        token[:-1],
        token.replace(identity, "nobody"),
        f"xx{token[2:]}",
        "sl_é_é",
        "_" * 1_000,
    ):
        assert ring.find(wrong) is None


def test_changes_of_the_file_are_picked_up(tmp_path: Path) -> None:
    """New keys work, revoked ones do not, a lost or damaged file opens nothing."""
    path = tmp_path / "keys.json"
    ring = KeyRing(path)
    assert not ring.required
    identity, token = create_key(path, "a")
    assert ring.required
    assert ring.find(token) is not None
    path.with_suffix(".bak").write_bytes(path.read_bytes())
    path.write_text("{")
    assert ring.find(token) is not None
    path.with_suffix(".bak").replace(path)
    revoke_key(path, identity)
    assert ring.find(token) is None
    assert ring.required
    path.unlink()
    assert ring.required


def test_the_file_is_not_looked_at_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second is enough."""
    path = tmp_path / "keys.json"
    ring = KeyRing(path)
    assert not ring.required
    monkeypatch.setattr(security, "KEYS_CHECK_SECONDS", 3_600.0)
    create_key(path, "a")
    assert not ring.required


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True),
        ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False),
        ("example.com", False), ("", False),
    ],
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:
    """A name that could mean anything is not."""
    assert is_loopback(host) is expected


def test_beyond_loopback_keys_are_needed(tmp_path: Path) -> None:
    """The message says what to do."""
    settings = settings_in(tmp_path, host="0.0.0.0")
    with pytest.raises(KeysRequired, match=r"0\.0\.0\.0 .*stockledger keys create"):
        Gate(settings)
    create_key(settings.api_keys_path, "a")
    Gate(settings)


def test_who_asks(tmp_path: Path) -> None:
    """`local` without keys, else the key's id; both headers serve."""
    settings = settings_in(tmp_path)
    gate = Gate(settings)
    assert gate.admit("POST", head(host=b"127.0.0.1:8000")) == ("local", None)
    identity, token = create_key(settings.api_keys_path, "a")
    assert gate.admit("POST", bearer(token)).actor == identity
    assert gate.admit("POST", head(api_key=token.encode())).actor == identity
    for wrong in (head(), head(authorization=b"Basic eA=="), bearer("x"), head(api_key=b"\xff")):
        with pytest.raises(Problem) as caught:
            gate.admit("GET", wrong)
        assert caught.value.status == 401
        assert b"www-authenticate" in dict(caught.value.headers)


def test_roles_of_keys(tmp_path: Path) -> None:
    """Reading is GET and HEAD, everything else is writing."""
    settings = settings_in(tmp_path)
    _, reader = create_key(settings.api_keys_path, "r", ("read",))
    _, writer = create_key(settings.api_keys_path, "w", ("write",))
    gate = Gate(settings)
    gate.admit("GET", bearer(reader))
    gate.admit("POST", bearer(writer))
    for method, token in (("POST", reader), ("DELETE", reader), ("GET", writer)):
        with pytest.raises(Problem, match="may not") as caught:
            gate.admit(method, bearer(token))
        assert caught.value.status == 403


@pytest.mark.parametrize(
    ("method", "host", "origin", "good"),
    [
        ("GET", b"localhost:8000", None, True),
        ("POST", b"[::1]:8000", None, True),
        ("POST", b"stockledger:8000", None, True),
        ("POST", b"till.localhost", b"http://till.localhost", True),
        ("GET", b"evil.example:8000", None, False),
        ("GET", b"127.0.0.1.evil.example", None, False),
        ("GET", b"[", None, False),
        ("POST", b"127.0.0.1:8000", b"https://evil.example", False),
        ("POST", b"127.0.0.1:8000", b"null", False),
        ("GET", b"127.0.0.1:8000", b"https://evil.example", True),
        ("POST", b"127.0.0.1:8000", b"http://127.0.0.1:8000", True),
    ],
)
def test_without_keys_no_page_reaches_the_server_behind_its_readers_back(
    tmp_path: Path, method: str, host: bytes, origin: bytes | None, good: bool
) -> None:
    """Neither by a name of its own nor by sending without being asked."""
    gate = Gate(settings_in(tmp_path))
    expected: AbstractContextManager[object] = nullcontext()
    if not good:
        expected = pytest.raises(Problem, match="without API keys")
    with expected:
        gate.admit(method, head(host=host, origin=origin))


def test_a_check_is_quick(tmp_path: Path) -> None:
    """It is made for every movement."""
    path = tmp_path / "keys.json"
    _, token = create_key(path, "a")
    ring = KeyRing(path)
    seconds = []
    for _ in range(5):
        started = time.thread_time()
        for _ in range(200):
            ring.find(token)
        seconds.append(time.thread_time() - started)
    assert min(seconds) < 0.1, "the collector may have come in between, but not each time"
