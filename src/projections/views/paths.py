"""Location paths in conditions."""

from sqlalchemy import ColumnElement, and_


def below(column: ColumnElement[str], location: str) -> ColumnElement[bool]:
    """Whether the column's location lies below `location` in the path.

    A range of bytes instead of LIKE: an index can use it, and no character needs an escape. The
    character after the slash is the zero.
    """
    return and_(column > f"{location}/", column < f"{location}0")
