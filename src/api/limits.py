"""The limits of a request that an operator cannot choose, each with its name.

The others (bytes of a body, items of a bulk, seconds of waiting) are settings.
"""

from typing import Final

# Names and values of all headers together with the query string.
HEAD_BYTES_MAX: Final = 32 * 1024
REQUEST_ID_LENGTH_MAX: Final = 128
# One movement or one item; a bulk may be as long as the settings say.
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
# From the first to the last byte of a body.
BODY_SECONDS_MAX: Final = 60.0
# Of a body that is too large, so that its sender hears of it; behind more the connection is closed.
DROPPED_BYTES_MAX: Final = 64 * 1024 * 1024
# Only looked at where a bulk holds something malformed. A movement has some twelve commas, so this
# never refuses a real one; it keeps `[1,1,1,…]` from becoming millions of objects.
BULK_COMMAS_PER_ITEM_MAX: Final = 100
QUERY_FIELDS_MAX: Final = 32
LIST_LIMIT_DEFAULT: Final = 100
LIST_LIMIT_MAX: Final = 1_000
# How often the file of API keys is looked at, which is how long a revoked key may live on.
KEYS_CHECK_SECONDS: Final = 1.0
KEYS_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 1
