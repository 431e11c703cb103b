"""How Alembic reaches the database of the views.

`stockledger migrate` and `serve` come in through `projections.migrate`, with an open connection.
`alembic` by hand takes the URL from STOCKLEDGER_DATABASE_URL.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from ledger.sqlite_checkpoint import NONE_BY_ITSELF
from projections.database import parse_url
from projections.engines import new_engine
from projections.schema import metadata


def migrate(connection: Connection) -> None:
    """Run the migrations over a connection."""
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_by_url() -> None:
    """Run the migrations on the database that the environment names."""
    engine = new_engine(parse_url(os.environ["STOCKLEDGER_DATABASE_URL"]))
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql(NONE_BY_ITSELF)
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_by_url())
