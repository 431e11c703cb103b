"""What PostgreSQL and its driver raise when they cannot be used at the moment."""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException

# Emulated: what the driver raises while it connects, such as of a server that is starting up, comes
# in SQLAlchemy's form; what its connections raise when they are used directly does not.
UNAVAILABLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    DBAPIError,
    EmulatedDBAPIException,
    OSError,
    TimeoutError,
)
