"""Private texts as sent and answered."""

from pydantic import BaseModel, Field

from api.private_texts import SUBJECT_LENGTH_MAX, TEXT_BYTES_MAX, TOKEN_LENGTH_MAX
from api.schemas.common import Input


class PrivateText(Input):
    """A text that may have to be forgotten, and about whom it is."""

    subject: str = Field(
        min_length=1,
        max_length=SUBJECT_LENGTH_MAX,
        description="Whoever may ask to be forgotten, by a name of yours.",
        examples=["customer-4711"],
    )
    text: str = Field(
        min_length=1,
        max_length=TEXT_BYTES_MAX,
        description=f"At most {TEXT_BYTES_MAX} bytes of UTF-8.",
        examples=["handed to Ms Miller at the desk"],
    )


class PrivateToken(BaseModel):
    """What stands for the text in a command."""

    token: str = Field(
        max_length=TOKEN_LENGTH_MAX,
        examples=["enc1.Qm9qV0x2c3pJd3N6b2VhQQ.3vYJ0mXb0pJQ8gqf7mC1fQ"],
    )
