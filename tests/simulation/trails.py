"""Whether every record says by which request it came, in the log and in the views."""

import sqlite3
from collections.abc import Sequence

import msgspec

from tests.simulation.auditor import Audit, Document

# Id of a command to the trails of all requests that carried it.
Sent = dict[str, set[bytes]]
TABLES = ("movements", "refusals", "item_definitions", "supply_changes")


def problems_of_trails(
    sent: Sent, audits: Sequence[Audit], connection: sqlite3.Connection
) -> list[str]:
    """What is wrong: a record that came by no request that was made, a row that says otherwise."""
    problems = []
    written: dict[tuple[int, int], bytes | None] = {}
    for audit in audits:
        for identity, (place, document) in audit.by_id.items():
            trail = written[audit.partition, place] = trail_of(document)
            if trail not in sent.get(identity, ()):
                problems.append(f"partition {audit.partition}, offset {place}: came by {trail!r}")
    for table in TABLES:
        query = f"SELECT partition, log_offset, trail FROM {table}"
        for partition, offset, trail in connection.execute(query):
            if (trail and trail.encode()) != written.get((partition, offset)):
                problems.append(f"{table} {partition}:{offset}: came by {trail}")
    return problems


def trail_of(document: Document) -> bytes | None:
    """As a stranger reads it."""
    trail = document["data"].get("trail")
    return None if trail is None else msgspec.json.encode(trail)
