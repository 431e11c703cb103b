"""The group in which projectors share out partitions."""

from pathlib import Path

import pytest

from ledger.adapters.kafka_group import KafkaGroup
from ledger.config.groups import open_projector_group, projector_group_id
from ledger.config.settings import Settings

OTHER = "db:5432/other"
DATABASE = "db:5432/stock"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """On Kafka, in an empty folder."""
    return Settings(data_dir=tmp_path, kafka_bootstrap="broker:9092", topic_prefix="shop")


def test_a_group_for_each_database(settings: Settings) -> None:
    """The same everywhere for the same database and prefix; the database's name is not in it."""
    name = projector_group_id(settings, DATABASE)
    assert name == projector_group_id(settings, DATABASE) == "shop.projectors.9592753f84fe"
    assert name != projector_group_id(settings, OTHER)
    elsewhere = settings.model_copy(update={"topic_prefix": "stock"})
    assert projector_group_id(elsewhere, DATABASE) == name.replace("shop", "stock")


def test_who_has_nobody_to_share_with(settings: Settings) -> None:
    """The embedded log, and views that lie in a file."""
    assert open_projector_group(settings, None) is None
    embedded = settings.model_copy(update={"kafka_bootstrap": None})
    assert open_projector_group(embedded, DATABASE) is None
    assert isinstance(open_projector_group(settings, DATABASE), KafkaGroup)
