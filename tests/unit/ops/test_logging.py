"""Log lines: one JSON document each, and no secrets in them."""

import json
import logging

import pytest
import structlog

from ops.logging import MASK, configure, mask_text


def test_lines_of_ours_and_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """In the same form, on stderr."""
    configure("info", "json")
    structlog.get_logger("a").info("started", port=1)
    logging.getLogger("library").warning("from %s", "there")
    logging.getLogger("uvicorn.error").info("not of interest")
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert [(one["event"], one["level"], one["logger"]) for one in lines] == [
        ("started", "info", "a"),
        ("from there", "warning", "library"),
    ]
    assert lines[0]["port"] == 1


def test_secrets_do_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    """By the name of the value, in URLs, in headers, in the text of an exception."""
    configure("info", "json")
    log = structlog.get_logger("a")
    log.info("connect to postgresql://u:hidden@h/d", kafka_sasl_password="hidden", Token="hidden")
    log.info("x", header="Authorization: Bearer hidden-and-long-enough")
    try:
        int("postgresql://u:hidden@h/d")
    except ValueError:
        log.exception("failed")
    out = capsys.readouterr().err
    assert "hidden" not in out
    assert MASK in out
    assert "ValueError" in out


@pytest.mark.parametrize(
    "password", ["p@hidden", "hidden@@", "p/hidden", "hidden:1", "hidden", "p hidden"]
)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_part_of_a_database_password_shows(
    capsys: pytest.CaptureFixture[str], password: str, log_format: str
) -> None:
    """Whatever characters it has, and however it comes into the log."""
    configure("info", log_format)
    url = f"postgresql+asyncpg://user:{password}@host:5432/views"
    structlog.get_logger("a").warning("cannot connect", cause=f"{url} does not answer")
    logging.getLogger("library").warning("tried %s twice", url)
    logging.getLogger("library").warning("failed", exc_info=OSError(f"no route to {url}"))
    out = capsys.readouterr().err
    assert "hidden" not in out
    assert out.count(f"user:{MASK}@host:5432/views") == 3


@pytest.mark.parametrize("name", ["password", "sslpassword", "PASSWORD"])
def test_a_password_among_parameters(name: str) -> None:
    """PostgreSQL takes it there, too."""
    shown = mask_text(f"postgresql://host/views?user=a&{name}=hid/d@en&sslmode=require is away")
    assert shown == f"postgresql://host/views?user=a&{name}={MASK}&sslmode=require is away"


def test_console_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """For people."""
    configure("debug", "console")
    structlog.get_logger("a").debug("here", where="there")
    assert "where=there" in capsys.readouterr().err


def test_what_is_no_secret_stays() -> None:
    """An address without a password, a time."""
    for text in ("http://127.0.0.1:8000/a@b", "12:30:45", "basic idea"):
        assert mask_text(text) == text
