"""The commands on an embedded log: keys, seals, proofs, and how each can be used wrongly."""

import asyncio
import errno
import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.config import Settings, open_log
from ledger.log import Record
from ops.seals.check import read_seals
from tests.unit.ops.seals.histories import OTHER_KEY, history, in_folder, sealed
from tests.unit.ops.story import story
from tests.unit.ops.test_commands import Run, own_folder, run

__all__ = ["own_folder", "run"]

SEAL = ("seal", "--key", "key.pem", "--into", "seals", "--partitions", "1")
PROVE = ("prove", "--partitions", "1", "--seal", "seals")
CHECK = ("check-seals", "seals", "--public-key", "key.pem.pub")


def _append(*records: Record) -> None:
    async def fill() -> None:
        log = open_log(Settings(partitions=1))
        await log.open()
        await log.append(0, records[0].offset, [(one.key, one.value, None) for one in records])
        await log.close()

    Path("data").mkdir(exist_ok=True)
    asyncio.run(fill())


@pytest.fixture
def records(run: Run) -> list[Record]:
    """A log with all kinds of movements, of which the first twenty are there; and a key."""
    made = story().records()
    _append(*made[:20])
    assert run("seal", "--new-key", "key.pem")[0] == 0
    return made


def test_a_key_is_made(run: Run) -> None:
    """Its private half is for its owner alone, is never printed and never written over."""
    code, out, err = run("seal", "--new-key", "key.pem", "--json")
    made = json.loads(out)
    assert (code, err) == (0, "")
    assert Path("key.pem").stat().st_mode & 0o777 == 0o600
    secret = Path("key.pem").read_text().splitlines()[1]
    assert secret not in out
    assert made["public_key"] == "key.pem.pub"
    content = Path("key.pem").read_bytes()
    assert run("seal", "--new-key", "key.pem")[0] == 2
    Path("key.pem.pub").unlink()
    assert "never written over" in run("seal", "--new-key", "key.pem")[2]
    assert Path("key.pem").read_bytes() == content
    assert "cannot be written" in run("seal", "--new-key", "nowhere/key.pem")[2]


def test_seals_are_made_checked_and_compared(run: Run, records: list[Record]) -> None:
    """The second follows the first, with what came meanwhile."""
    code, out, _ = run(*SEAL)
    assert (code, out.split(",")[0]) == (
        0, "seals/seal-000001.json: seal number 1 of 20 records in 1 partitions"
    )  # fmt: skip
    _append(*records[20:])
    code, out, _ = run(*SEAL, "--json")
    made = json.loads(out)
    assert (code, made["number"], made["records"]) == (0, 2, 28)
    code, out, err = run(*CHECK, "--json")
    shown = json.loads(out)
    assert (code, err) == (0, "")
    assert (shown["first"], shown["last"], shown["authentic"]) == (1, 2, True)
    assert shown["digest"] == made["digest"]
    assert shown["missing_before"] == 0
    code, out, err = run("check-seals", "seals/seal-000002.json")
    assert (code, out.startswith("seals number 2 to 2 of ledger")) == (0, True)
    assert err.splitlines() == [
        "no --public-key was given: anybody could have signed these",
        "the seal number 1 is not here: that number 2 extends what was sealed before is not proved",
    ]
    watch = read_seals(Path("seals"), [Path("key.pem.pub")]).watch(0)
    assert watch.finish(28) != []


def test_a_seal_that_is_left_out(run: Run, records: list[Record]) -> None:
    """It is missed, unless it is the newest; one under another's name is found, too."""
    for _ in range(3):
        assert run(*SEAL)[0] == 0
    second = Path("seals/seal-000002.json")
    content = second.read_bytes()
    second.unlink()
    code, _, err = run(*CHECK)
    assert (code, err) == (1, "stockledger: a seal is missing between numbers 1 and 3\n")
    second.write_bytes(Path("seals/seal-000001.json").read_bytes())
    assert "holds the seal number 1" in run(*CHECK)[2]
    second.write_bytes(content[:-9])
    code, _, err = run(*CHECK)
    assert (code, "is no seal, or was cut short" in err) == (1, True)


def test_a_folder_without_its_first_seals(run: Run, records: list[Record]) -> None:
    """Whoever replaced history before the third would leave the first two out."""
    for _ in range(3):
        assert run(*SEAL)[0] == 0
    Path("seals/seal-000001.json").unlink()
    code, out, err = run(*CHECK)
    assert (code, out.startswith("seals number 2 to 3 of ledger")) == (1, True)
    assert err.startswith("the seal number 1 is not here: that number 2 extends")
    Path("seals/seal-000002.json").unlink()
    code, out, err = run(*CHECK, "--json")
    assert (code, json.loads(out)["missing_before"]) == (1, 2)
    assert err.startswith("the seals number 1 to 2 are not here: that number 3 extends")
    # The newest one is of all history, so that it is enough for the log itself.
    code, out, _ = run("verify", "--partitions", "1", "--seal", "seals", "--json")
    assert (code, json.loads(out)["seal"]["missing_before"]) == (0, 2)


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("seal",), 2, "--key and --into are needed"),
    (("seal", "--new-key", "x", "--key", "key.pem"), 2, "--new-key goes alone"),
    ((*SEAL[:1], "--key", "none", *SEAL[3:]), 2, "none cannot be read: No such file"),
    ((*SEAL[:1], "--key", "key.pem.pub", *SEAL[3:]), 2, "can be used by others than its owner"),
    ((*SEAL[:1], "--key", "seals", *SEAL[3:]), 2, "seals is no file"),
    ((*SEAL[:-1], "2"), 1, "has 1 partitions, not 2"),
    ((*SEAL, "--data-dir", "other"), 1, "there is no log other/log.db"),
    ((*CHECK[:2], "--public-key", "key.pem"), 2, "holds a private key; give away"),
    ((*CHECK[:2], "--public-key", "data/log.db"), 2, "holds no public key"),
    (("check-seals", "nowhere"), 2, "nowhere cannot be read"),
    (("check-seals", "data"), 2, "data holds no seals"),
    (("check-seals", "key.pem.pub"), 1, "is no seal, or was cut short"),
    ((*PROVE, "m1", "-o", "key.pem"), 2, "key.pem is there already"),
    ((*PROVE, "m99", "-o", "p"), 1, "no record with the id m99 counts"),
    (
        (*PROVE, "0:99", "-o", "p"),
        1,
        "0:99 lies beyond the end of the log: its partition ends at 20",
    ),
    ((*PROVE, "9:1", "-o", "p"), 1, "there is no partition 9"),
    ((*PROVE, "m1", "-o", "none/p"), 2, "none/p cannot be written"),
    ((*PROVE, "m1", "-o", "p" * 300), 2, f"{'p' * 300}: File name too long"),
    (("seal", "--new-key", "."), 2, ". is no name of a file"),
    (("seal", "--new-key", "k" * 300), 2, f"{'k' * 300}.pub: File name too long"),
    (("check-proof", "none", "--public-key", "key.pem.pub"), 2, "none cannot be read"),
    (("check-proof", "key.pem", "--public-key", "key.pem.pub"), 1, "is no proof"),
]


def test_what_is_used_wrongly(run: Run, records: list[Record]) -> None:
    """A sentence and an exit code, and no traceback."""
    assert run(*SEAL)[0] == 0
    for arguments, code, says in WRONG:
        found, out, err = run(*arguments)
        assert (found, out, says in err) == (code, "", True), (arguments, err)
        assert err.count("\n") == 1


def test_a_key_that_others_may_read(run: Run, records: list[Record]) -> None:
    """It is refused, because it may have been read."""
    Path("key.pem").chmod(0o640)
    code, _, err = run(*SEAL)
    assert (code, "can be used by others than its owner (mode 0640)" in err) == (2, True)
    assert not Path("seals").exists()


def test_seals_of_others(run: Run, records: list[Record]) -> None:
    """Of another ledger, or by another key: the next seal does not follow them."""
    in_folder(Path("seals"), sealed(history(5), key=OTHER_KEY))
    code, _, err = run(*SEAL)
    assert (code, "which is not among those given" in err) == (1, True)
    pem = OTHER_KEY.public_key()
    from cryptography.hazmat.primitives import serialization as s

    Path("other.pub").write_bytes(
        pem.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    )
    code, _, err = run(*SEAL, "--public-key", "other.pub")
    assert (code, "seal number 1 is of ledger" in err) == (1, True)
    code, _, err = run(*PROVE, "m1", "-o", "p")
    assert (code, "the seal is of ledger" in err) == (1, True)


def test_a_log_that_was_changed_is_not_sealed(run: Run, records: list[Record]) -> None:
    """The record that was sealed last is looked at."""
    assert run(*SEAL)[0] == 0
    with sqlite3.connect("data/log.db") as connection:
        connection.execute("UPDATE records SET key = x'00' WHERE offset = 19")
    connection.close()
    code, _, err = run(*SEAL)
    assert (code, "partition 0, offset 19: this is not the record that was sealed" in err) == (
        1, True
    )  # fmt: skip
    with sqlite3.connect("data/log.db") as connection:
        connection.execute("UPDATE records SET key = 'text' WHERE offset = 19")
    connection.close()
    code, _, err = run(*SEAL)
    assert (code, "offset 19: " in err, "Traceback" in err) == (1, True, False)


def test_a_movement_is_proved_without_the_log(run: Run, records: list[Record]) -> None:
    """In a process of its own, where nothing of the ledger is left but the proof."""
    assert run(*SEAL)[0] == 0
    code, out, _ = run(*PROVE, "m2", "-o", "proof.json", "--json", "--sku", "apple")
    position = json.loads(out)["position"]
    assert code == 0
    assert run(*PROVE, f"0:{position['offset']}", "-o", "again.json")[0] == 0
    assert Path("again.json").read_bytes() == Path("proof.json").read_bytes()
    Path("alone").mkdir()
    Path("proof.json").rename("alone/proof.json")
    Path("key.pem.pub").rename("alone/key.pub")
    shown = _alone("check-proof", "proof.json", "--public-key", "key.pub", "--json")
    assert shown["event"]["id"] == "m2"
    assert shown["event"]["data"]["quantity"] == "4"
    assert shown["position"] == position
    text = Path("alone/proof.json").read_text()
    Path("alone/proof.json").write_text(text.replace("MAIN/B", "MAIN/C"))
    code, _, err = run("check-proof", "alone/proof.json", "--public-key", "alone/key.pub")
    assert (code, "does not belong to the seal" in err) == (1, True)


FULL = os.strerror(errno.ENOSPC)


def _full(monkeypatch: pytest.MonkeyPatch, fits: int = 0) -> None:
    """A disk on which there is room for so many files more; of the next one half is written."""
    left, real = [fits], os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, FULL)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_proof_on_a_full_disk(
    run: Run, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and half a file is not left; nor is half a pair of keys."""
    assert run(*SEAL)[0] == 0
    before = sorted(Path().iterdir())
    _full(monkeypatch)
    code, out, err = run(*PROVE, "m2", "-o", "proof.json")
    assert (code, out) == (3, "")
    assert err == f"stockledger: proof.json cannot be written: {FULL}; nothing of it was left\n"
    for fits in (0, 1):
        _full(monkeypatch, fits)
        code, _, err = run("seal", "--new-key", "second.pem")
        assert (code, f"cannot be written: {FULL}" in err) == (3, True)
    assert sorted(Path().iterdir()) == before


def test_the_sku_of_an_id(run: Run, records: list[Record]) -> None:
    """A record of another SKU that lies in the same partition is not taken for it."""
    _append(*records[20:])
    assert run(*SEAL)[0] == 0
    code, out, err = run(*PROVE, "m12", "-o", "p", "--sku", "apple")
    assert (code, out, Path("p").exists()) == (1, "", False)
    assert err == (
        "stockledger: no record of the SKU apple with the id m12 counts; one of another does, at "
        "0:26\n"
    )
    assert run(*PROVE, "m12", "-o", "p", "--sku", "pear")[0] == 0
    code, _, err = run(*PROVE, "m12", "-o", "q", "--sku", " ")
    assert (code, "--sku: a SKU has" in err) == (2, True)


def _alone(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "ops", *arguments], cwd="alone", check=True, capture_output=True,
        env={name: one for name, one in os.environ.items() if not name.startswith("STOCKLEDGER")},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_what_check_proof_shows(run: Run, records: list[Record]) -> None:
    """The movement, its place, and who sealed it when."""
    assert run(*SEAL)[0] == 0
    assert run(*PROVE, "m2", "-o", "proof.json")[0] == 0
    code, out, err = run("check-proof", "proof.json", "--public-key", "key.pem.pub")
    first, second, *event = out.splitlines()
    assert (code, err) == (0, "")
    assert first.startswith("proved: stock.transfer.v1 m2 of apple, recorded at ")
    assert "was sealed by number 1 at " in second
    assert json.loads("\n".join(event))["id"] == "m2"
