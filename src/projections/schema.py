"""Every table of the views' database, for migrations and for the test that compares them."""

from projections import failures
from projections.history import tables as history_tables
from projections.planning import run_fields, run_tables
from projections.publishers import alert_tables
from projections.tables import metadata

__all__ = ["alert_tables", "failures", "history_tables", "metadata", "run_fields", "run_tables"]
