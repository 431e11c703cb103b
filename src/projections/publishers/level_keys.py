"""Keys of the topic of levels: compact JSON arrays, so that no name can be mistaken for another.

`["SKU","LOCATION",lot or null,"status"]` is a stock key, `["SKU","SITE"]` a SKU at a site, and
`["partition-3"]` the publisher's mark of a partition, which is nobody else's business.
"""

from functools import lru_cache

import msgspec

from ledger.domain.stock import split_key

Parts = tuple[str | None, ...]
_PARTS_OF_SITE = 2
_LOT = 2

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str | None, ...]).decode


def site_of(location: str) -> str:
    """The site that a location lies in: the first name of its path."""
    return location.partition("/")[0]


@lru_cache(maxsize=65_536)
def _ends(account: str) -> tuple[bytes, bytes]:
    """The keys of a real account and of its site, without the SKU in front."""
    location, lot, status = split_key(account)
    return _encode((location, lot, status))[1:], _encode((site_of(location),))[1:]


@lru_cache(maxsize=65_536)
def _start(sku: str) -> bytes:
    return b"[" + _encode(sku) + b","


def level_keys(sku: str, account: str) -> tuple[bytes, bytes]:
    """The key of a real account of a SKU, and of the SKU at the account's site."""
    start = _start(sku)
    key, site = _ends(account)
    return start + key, start + site


def stock_level_key(sku: str, location: str, lot: str | None, status: str) -> bytes:
    """The key of a stock key."""
    return _encode((sku, location, lot, status))


def site_level_key(sku: str, site: str) -> bytes:
    """The key of a SKU at a site."""
    return _encode((sku, site))


def mark_key(partition: int) -> bytes:
    """The key under which the publisher of a partition says how far it is."""
    return _encode((f"partition-{partition}",))


def parts_of(key: bytes) -> Parts:
    """What a key names: one part for a mark, two for a site, four for a stock key.

    Raises ValueError for anything else.
    """
    try:
        parts = _decode(key)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{key!r} is no key of a level") from error
    # Only a lot may be none.
    named = all(part is not None for place, part in enumerate(parts) if place != _LOT)
    if len(parts) not in (1, 2, 4) or not named:
        raise ValueError(f"{key!r} is no key of a level")
    return parts


def is_site(key: bytes) -> bool:
    """Whether the key is that of a SKU at a site."""
    return len(_decode(key)) == _PARTS_OF_SITE
