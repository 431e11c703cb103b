"""Whether the process lives and is ready."""

from typing import Literal

from pydantic import BaseModel


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"]


class Ready(BaseModel):
    """The process can do what its roles ask."""

    status: Literal["ready"]
