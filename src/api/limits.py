"""The limits of a request that an operator cannot choose, each with its name.

The others (bytes of a body, items of a bulk, seconds of waiting) are settings.
"""

from typing import Final

# Names and values of all headers together with the query string.
HEAD_BYTES_MAX: Final = 32 * 1024
# What is read in search of their end; more than is read at once, since that may begin in a body.
HEAD_GATHERED_BYTES_MAX: Final = 512 * 1024
# From the first to the last byte of a head, and for the first to come at all.
HEAD_SECONDS_MAX: Final = 30.0
REQUEST_ID_LENGTH_MAX: Final = 128
# One movement or one item; a bulk may be as long as the settings say.
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
# From the first to the last byte of a body.
BODY_SECONDS_MAX: Final = 60.0
# For the caller to take something of the answers that wait for it.
UNREAD_SECONDS_MAX: Final = 60.0
# How often a connection looks at these.
LOOK_SECONDS: Final = 5.0
# While the server ends: so much less than requests under way are given.
UNREAD_MARGIN_SECONDS: Final = 1.0
# Behind the last answer of a connection: where something is still sent, and where all was heard or
# the server ends.
LINGER_SECONDS: Final = 10.0
LINGER_SECONDS_HEARD: Final = 1.0
CONNECTIONS_MAX: Final = 10_000
# Files and connections of the server's own: the log, views, brokers, databases, other instances.
FILES_KEPT: Final = 256
# What is read of a request that was answered already, so that its sender hears of it; behind more
# the connection ends.
DROPPED_BYTES_MAX: Final = 64 * 1024 * 1024
# Outside of texts, and only looked at where a bulk holds something malformed. A movement has some
# twelve, so this never refuses a real one; it keeps `[1,1,1,…]` from becoming millions of objects.
BULK_COMMAS_PER_ITEM_MAX: Final = 100
QUERY_FIELDS_MAX: Final = 32
LIST_LIMIT_DEFAULT: Final = 100
LIST_LIMIT_MAX: Final = 1_000
# How often the file of API keys is looked at, which is how long a revoked key may live on.
KEYS_CHECK_SECONDS: Final = 1.0
KEYS_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 1
