"""The places that the contract tests run on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.log_cases import KafkaPlace, Place, SqlitePlace


@pytest.fixture(params=["sqlite", "sqlite-process", pytest.param("kafka", marks=pytest.mark.kafka)])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Each place in turn."""
    made: Place
    if request.param != "kafka":
        made = SqlitePlace(tmp_path, process=request.param == "sqlite-process")
    else:
        made = KafkaPlace(
            request.getfixturevalue("kafka_bootstrap"),
            request.getfixturevalue("topic_prefix"),
            tmp_path,
        )
    yield made
    await made.close()


@pytest.fixture
async def sqlite_place(tmp_path: Path) -> AsyncIterator[SqlitePlace]:
    """A file."""
    made = SqlitePlace(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def kafka_place(
    kafka_bootstrap: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[KafkaPlace]:
    """Topics on a broker."""
    made = KafkaPlace(kafka_bootstrap, topic_prefix, tmp_path)
    yield made
    await made.close()
