"""The tables of planning runs: what was asked, what came out, and what changed by it.

Results are integers of a stated number of decimals, or texts; null where something is not defined.
They are no views: a rebuild of the views leaves them, and `stockledger plan --repeat` makes them
again from the log's position that each run names.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text

from projections.tables import metadata

_BYTES_ORDER = Text().with_variant(Text(collation="C"), "postgresql")


def text_column(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    """A text that is compared by its bytes."""
    return Column(name, _BYTES_ORDER, nullable=null, primary_key=key)


def number_column(name: str, *, null: bool = False) -> Column[int]:
    """An integer of 64 bits."""
    return Column(name, BigInteger, nullable=null)


# One row a run, for ever. `positions` are the next offsets of all partitions, as JSON; null until
# the run has read its inputs. `attempt` is what its process was given: who holds another one may
# write nothing. `publishes` says whether its changes are events and its reorder points hold.
planning_runs = Table(
    "planning_runs",
    metadata,
    text_column("run_id", key=True),
    text_column("ledger_id"),
    text_column("state"),
    text_column("reason", null=True),
    text_column("origin"),
    Column("publishes", Boolean, nullable=False),
    Column("results_kept", Boolean, nullable=False),
    Column("as_of_day", Integer, nullable=False),
    text_column("parameters"),
    text_column("parameters_hash"),
    text_column("scope_hash"),
    text_column("positions", null=True),
    text_column("previous_run_id", null=True),
    text_column("code_version"),
    text_column("digest", null=True),
    text_column("counts", null=True),
    number_column("started_ms"),
    number_column("finished_ms", null=True),
)
Index("planning_runs_by_state", planning_runs.c.state, planning_runs.c.run_id)

# One row a ledger: the run that is being made, and the last moment that the schedule was kept.
# Every transaction of a run begins by renewing it, so that two can never write at once.
planning_locks = Table(
    "planning_locks",
    metadata,
    text_column("ledger_id", key=True),
    text_column("run_id", null=True),
    text_column("attempt", null=True),
    number_column("renewed_s"),
    number_column("scheduled_s"),
)

# Under this name `view_positions` has the number of the last event that was sent to a topic. All of
# them are one sequence, sent by whoever has this partition.
PLANNING_GROUP = "planning events"
PLANNING_PARTITION = 0

# Documents of events, numbered from 1 without a gap in the order in which they became visible.
planning_events = Table(
    "planning_events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    text_column("run_id"),
    text_column("event_id"),
    text_column("type"),
    text_column("sku"),
    text_column("site"),
    number_column("recorded_ms"),
    text_column("document"),
)
Index("planning_events_by_sku", planning_events.c.sku, planning_events.c.sequence)
Index("planning_events_by_event", planning_events.c.event_id, unique=True)


def scale_column() -> Column[int]:
    """The decimals of the SKU's quantities."""
    return Column("scale", SmallInteger, nullable=False)
