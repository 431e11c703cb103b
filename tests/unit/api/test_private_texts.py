"""Private texts: what is erased is unreadable, and everything else stays as it was."""

import base64
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from api.private_keys import PrivateKeys, PrivateKeysUnusable, _writing
from api.private_texts import (
    SUBJECT_LENGTH_MAX,
    TEXT_BYTES_MAX,
    TOKEN_LENGTH_MAX,
    PrivateTextErased,
    PrivateTextInvalid,
    PrivateTextUnknown,
    open_text,
    protect,
)


@pytest.fixture
def keys(tmp_path: Path) -> PrivateKeys:
    """No keys yet."""
    return PrivateKeys(tmp_path / "new" / "keys.db")


def test_the_cipher_is_that_of_the_standard() -> None:
    """RFC 5297, A.1: AES-SIV with two keys of 128 bits, as the library has it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    data = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    text = bytes.fromhex("112233445566778899aabbccddee")
    assert AESSIV(key).encrypt(text, [data]).hex() == (
        "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
    )


def test_a_text_is_protected_and_opened(keys: PrivateKeys) -> None:
    """The same one gives the same token; another text, or another subject, another one."""
    token = protect(keys, "customer-1", "Ms Miller")
    assert token == protect(keys, "customer-1", "Ms Miller")
    assert open_text(keys, token) == ("customer-1", "Ms Miller")
    other = protect(keys, "customer-2", "Ms Miller")
    assert token.split(".")[1] != other.split(".")[1]
    assert protect(keys, "customer-1", "Mr Miller").split(".")[1] == token.split(".")[1]


def test_nothing_of_the_subject_is_in_a_token(keys: PrivateKeys) -> None:
    """Its key's name is random."""
    token = protect(keys, "customer-1", "x")
    assert len(base64.urlsafe_b64decode(token.split(".")[1] + "==")) == 16
    keys.erase(subject="customer-1")
    assert protect(keys, "customer-1", "x").split(".")[1] != token.split(".")[1]


def test_what_is_erased_stays_erased(keys: PrivateKeys) -> None:
    """Also for a subject that comes again, and not for others."""
    token, other = protect(keys, "a", "text"), protect(keys, "b", "text")
    erased = keys.erase(subject="a")
    assert erased is not None
    assert erased.subject is None
    with pytest.raises(PrivateTextErased, match=f"the key {token.split('.')[1]} was erased at 20"):
        open_text(keys, token)
    again = protect(keys, "a", "text")
    assert again != token
    with pytest.raises(PrivateTextErased):
        open_text(keys, token)
    assert open_text(keys, again) == ("a", "text")
    assert open_text(keys, other) == ("b", "text")
    assert [row.subject for row in keys.rows()].count(None) == 1


def test_nothing_of_an_erased_key_is_left_in_any_file(keys: PrivateKeys, tmp_path: Path) -> None:
    """Neither the key nor its subject, among hundreds of others that stay."""
    made = {f"subject-{number:04d}": keys.of_subject(f"subject-{number:04d}")
            for number in range(60)}  # fmt: skip
    gone = [f"subject-{number:04d}" for number in range(0, 60, 7)]
    for subject in gone:
        keys.erase(subject=subject)
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for subject, key in made.items():
        present = (key.key in content, subject.encode() in content, key.ref.encode() in content)
        assert present == ((False, False, True) if subject in gone else (True, True, True))


def test_a_key_is_erased_again_after_a_backup(keys: PrivateKeys, tmp_path: Path) -> None:
    """By its name, which stays known."""
    token = protect(keys, "a", "text")
    file = next(tmp_path.rglob("keys.db"))
    backup = file.read_bytes()
    keys.erase(subject="a")
    [row] = keys.rows()
    file.write_bytes(backup)
    assert open_text(keys, token).text == "text"
    assert keys.erase(ref=row.ref) is not None
    assert keys.erase(ref=row.ref) is None
    with pytest.raises(PrivateTextErased):
        open_text(keys, token)


def test_what_is_not_there_is_not_erased(keys: PrivateKeys) -> None:
    """And no file is made for it; where none is, nobody can say what was erased."""
    asked: list[Callable[[], object]] = [
        lambda: keys.erase(subject="a"), lambda: keys.named("x"), keys.rows,
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(PrivateKeysUnusable, match=r"there is no file of keys: /.*keys\.db"):
            ask()
    protect(keys, "a", "text")
    assert keys.erase(subject="b") is None
    assert keys.named("x") is None


@pytest.mark.parametrize("text", ["a", "\n", "é" * 150, "😀" * 75, "x" * TEXT_BYTES_MAX])
def test_any_text_comes_back(keys: PrivateKeys, text: str) -> None:
    """And its token fits into a note, whatever is printable there."""
    token = protect(keys, "a", text)
    assert open_text(keys, token).text == text
    assert len(token) <= TOKEN_LENGTH_MAX
    assert token.isascii()
    assert token.isprintable()


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", "text"),
        ("a" * (SUBJECT_LENGTH_MAX + 1), "text"),
        ("a\n", "text"),
        ("a", ""),
        ("a", "é" * (TEXT_BYTES_MAX // 2 + 1)),
        ("a", "\ud800"),
    ],
)
def test_what_cannot_be_protected(
    keys: PrivateKeys, tmp_path: Path, subject: str, text: str
) -> None:
    """No key is made for it."""
    with pytest.raises(PrivateTextInvalid):
        protect(keys, subject, text)
    assert list(tmp_path.iterdir()) == []


def test_tokens_that_are_none(keys: PrivateKeys, tmp_path: Path) -> None:
    """Altered, cut short, under another's name; and one of another file."""
    token, other = protect(keys, "a", "text of a"), protect(keys, "b", "text of b")
    name, payload = token.split(".")[1:]
    foreign = protect(PrivateKeys(tmp_path / "other.db"), "a", "text")
    for spoilt in (
        "", "enc1", "note", token[:-1], f"{token}A", f"{token}.", token.replace("enc1", "enc2"),
        f"enc1.{other.split('.')[1]}.{payload}", f"enc1.{name}.AAAA",
        f"enc1.{name}.{'A' * 500}", f"{token}\n",
        f"enc1.{name}.{payload[:-2]}{'AA' if payload[-2:] != 'AA' else 'BB'}",
    ):  # fmt: skip
        with pytest.raises(PrivateTextInvalid):
            open_text(keys, spoilt)
    with pytest.raises(PrivateTextUnknown, match=r"the key \S{22} is not in this file of keys"):
        open_text(keys, foreign)


def test_a_file_that_others_may_read(keys: PrivateKeys, tmp_path: Path) -> None:
    """It is made for its owner alone, and refused otherwise."""
    protect(keys, "a", "text")
    file = next(tmp_path.rglob("keys.db"))
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o604)
    with pytest.raises(PrivateKeysUnusable, match=r"used by others than its owner \(mode 0604\)"):
        protect(keys, "a", "text")


@pytest.mark.parametrize(
    ("content", "says"), [(b"no database, " * 100, "cannot be used"), (b"", "is empty: it was cut")]
)
def test_a_file_of_something_else(tmp_path: Path, content: bytes, says: str) -> None:
    """It is left as it is; made anew, one that was cut off would hide that its keys are lost."""
    path = tmp_path / "keys.db"
    path.write_bytes(content)
    path.chmod(0o600)
    keys = PrivateKeys(path)
    uses: list[Callable[[], object]] = [
        keys.rows, lambda: keys.erase(subject="a"), lambda: keys.named("k"),
        lambda: protect(keys, "a", "text"),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(PrivateKeysUnusable, match=rf"keys\.db {says}"):
            use()
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_another_database(tmp_path: Path) -> None:
    """Of another program, or of a later version."""
    path = tmp_path / "keys.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    path.chmod(0o600)
    content = path.read_bytes()
    with pytest.raises(PrivateKeysUnusable, match="is a file of something else"):
        protect(PrivateKeys(path), "a", "text")
    assert path.read_bytes() == content
    newer = PrivateKeys(tmp_path / "newer.db")
    protect(newer, "a", "text")
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(PrivateKeysUnusable, match="has format 2"):
        newer.rows()


def test_a_subject_gets_one_key_from_many(keys: PrivateKeys) -> None:
    """Whoever asks first makes it."""
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(protect(keys, "a", "text"))) for _ in range(6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(tokens) == 6
    assert len(set(tokens)) == 1


def test_a_file_that_is_being_made(keys: PrivateKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not there before it is whole, and who was faster keeps what he made."""
    link, seen = Path.hardlink_to, list[str]()

    def late(path: Path, target: Path) -> None:
        monkeypatch.undo()
        with pytest.raises(PrivateKeysUnusable, match="there is no file of keys"):
            keys.rows()
        seen.append(protect(keys, "a", "text"))
        link(path, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    assert protect(keys, "a", "text") == seen[0]
    assert [row.subject for row in keys.rows()] == ["a"]


def test_a_file_behind_a_link(keys: PrivateKeys, tmp_path: Path) -> None:
    """It is made where the link leads, also if nothing is there yet."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "keys.db").symlink_to(tmp_path / "there.db")
    protect(keys, "a", "text")
    assert (tmp_path / "new" / "keys.db").is_symlink()
    assert [row.subject for row in PrivateKeys(tmp_path / "there.db").rows()] == ["a"]


def test_what_sqlite_rolled_back_by_itself(keys: PrivateKeys) -> None:
    """As it does where the disk is full: that is what is said."""
    protect(keys, "a", "text")

    def full() -> None:
        with keys._opened() as connection, _writing(connection):
            connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(PrivateKeysUnusable, match="disk is full"):
        full()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """It is said."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PrivateKeysUnusable, match=r"keys\.db: "):
        protect(PrivateKeys(tmp_path / "file" / "keys.db"), "a", "text")
