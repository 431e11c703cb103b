"""Rows of the views that belong to no partition, and so to none of their checks."""

from sqlalchemy.exc import SQLAlchemyError

from ledger.replay.reading import is_damage
from ops.findings import Finding
from ops.verify.demand import check_orphans
from ops.verify.rows import Rows, sentence
from ops.verify.tables import WITH_PARTITION
from projections.database import Database, DatabaseUnavailable

_SHOWN = ", "


async def check_strays(database: Database, partitions: int) -> list[Finding]:
    """Rows that name a partition which the log does not have, and rows of no series.

    Raises DatabaseUnavailable.
    """
    found: list[Finding] = []
    try:
        async with database.reader() as reader:
            rows = Rows(reader)
            for table in WITH_PARTITION:
                rows.where = table.name
                keys = _SHOWN.join(column.name for column in table.primary_key)
                sql = (
                    f"SELECT {keys}, partition AS named FROM {table.name}"  # noqa: S608 - names alone
                    f" WHERE partition NOT BETWEEN 0 AND {partitions - 1:d}"
                )
                async for part in rows.parts(sql):
                    found += [
                        Finding(
                            "view_differs",
                            f"{table.name} {_SHOWN.join(map(repr, row[:-1]))}",
                            f"it is of partition {row[-1]}, and the log has no such partition",
                        )
                        for row in part
                    ]
            found += await check_orphans(rows)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        # A page that is damaged was found, with its place, where the rows of a partition are.
        if not is_damage(error):
            raise
        found.append(Finding("unreadable", "views", sentence(error)))
    return found
