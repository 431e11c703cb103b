"""Crypto-shredding on a whole ledger: one text is gone for ever, and nothing else has changed."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.keys import create_key
from api.private_keys import PrivateKeys
from api.private_texts import PrivateTextErased, open_text
from ledger.config import Settings, open_log
from ledger.log import Record
from ops.seals.check import Seals
from ops.seals.documents import SignedSeal
from ops.seals.sealing import Order, make_seal
from tests.unit.api.serving import check_problem, client_of, settings_in, wait_ready
from tests.unit.ops.seals.histories import KEY, links

SECRET = "handed to Ms Miller at the desk"
SUBJECT = "customer-4711"
OWNER = "Erika Mustermann"


async def _post(client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    return await client.post(path, json=body)


async def _seal(settings: Settings) -> tuple[SignedSeal, list[list[Record]]]:
    """A seal of the log as it is, and all of its records."""
    log = open_log(settings)
    await log.open()
    try:
        signed = await make_seal(
            log, Order(KEY, lambda: "2026-11-22T10:00:00Z", None), lambda *_: None
        )
        return signed, [(await log.read(one, 0)).records for one in range(log.partitions)]
    finally:
        await log.close()


async def _movement(client: httpx.AsyncClient, answer: httpx.Response) -> Any:
    position = answer.headers["ledger-position"]
    found = await client.get("/v1/movements/m-1", params={"min_position": position})
    assert found.status_code == 200
    return found.json()


async def test_a_text_is_forgotten_and_history_stays(tmp_path: Path) -> None:
    """From HTTP to every file of the ledger."""
    settings = settings_in(tmp_path)
    identity, token = create_key(settings.api_keys_path, OWNER)
    async with client_of(settings) as client:
        client.headers["x-api-key"] = token
        await wait_ready(client)
        texts = [
            await _post(client, "/v1/private-texts", {"subject": SUBJECT, "text": SECRET})
            for _ in range(2)
        ]
        note = texts[0].json()["token"]
        assert (texts[0].status_code, texts[1].json()["token"]) == (200, note)
        command = {"id": "m-1", "type": "receipt", "sku": "A", "quantity": "6",
                   "location": "MAIN", "note": note}  # fmt: skip
        answer = await _post(client, "/v1/movements", command)
        assert answer.status_code == 201
        # Sent again with the text encrypted again: the same command.
        again = await _post(client, "/v1/movements", {**command, "note": texts[1].json()["token"]})
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        shown = await _movement(client, answer)
        sealed, records = await _seal(settings)

        path = settings.privacy_keys_path
        assert path is not None
        keys = PrivateKeys(path)
        assert open_text(keys, note) == (SUBJECT, SECRET)
        assert keys.erase(subject=SUBJECT) is not None
        with pytest.raises(PrivateTextErased):
            open_text(keys, note)

        assert await _movement(client, answer) == shown
        sealed_again, records_again = await _seal(settings)
    assert sealed_again == sealed
    assert records_again == records
    _check_seal(sealed, records_again)
    _check_files(tmp_path)
    [event] = [msgspec.json.decode(one.value) for part in records for one in part
               if b'"m-1"' in one.value]  # fmt: skip
    assert event["actor"] == identity
    assert event["data"]["command"]["note"] == note


def _check_seal(sealed: SignedSeal, records: list[list[Record]]) -> None:
    """The chain fits, and so does the seal."""
    seals = Seals([sealed.seal], ["key"], authentic=True)
    for partition, part in enumerate(records):
        watch = seals.watch(partition)
        for offset, link in links(part, partition):
            watch.add(offset, link)
        assert watch.finish(len(part)) == []


def _check_files(folder: Path) -> None:
    """Neither the text nor its subject is in any file; whose the API key is, only in its own."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"log.db", "views.db", "privacy-keys.db"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert SUBJECT.encode() not in content
        assert (OWNER.encode() in content) == (path.name == "api-keys.json")


async def test_what_cannot_be_encrypted(tmp_path: Path) -> None:
    """A problem that names what is wrong; and no file of keys is made for it."""
    settings = settings_in(tmp_path)
    path = settings.privacy_keys_path
    assert path is not None
    bodies: list[tuple[Any, str]] = [
        ({"subject": "a"}, "text"),
        ({"subject": "a", "text": ""}, "1 to 300 bytes"),
        ({"subject": "a", "text": "x" * 301}, "1 to 300 bytes"),
        ({"subject": "", "text": "x"}, "1 to 200 printable"),
        ({"subject": "a", "text": "x", "key": "mine"}, "key"),
        ({"subject": 7, "text": "x"}, "subject"),
        ([], "object"),
    ]
    async with client_of(settings) as client:
        for body, says in bodies:
            answer = await _post(client, "/v1/private-texts", body)
            assert says in check_problem(answer, 422, "invalid_request")["detail"]
        assert not path.exists()
        for content in (b"something else " * 100, b""):
            path.write_bytes(content)
            path.chmod(0o600)
            answer = await _post(client, "/v1/private-texts", {"subject": "a", "text": "x"})
            problem = check_problem(answer, 503, "unavailable")
            assert problem["detail"] == "The file of keys of private texts cannot be used."
            assert path.read_bytes() == content
