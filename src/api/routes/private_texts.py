"""Private texts: encrypted here, so that the log only ever holds what can be forgotten."""

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import Request

from api.answers import Answer, document
from api.bodies import JSON_TYPES, content_type, read_body
from api.commands import DECODE_ERRORS, explain
from api.dependencies import services
from api.limits import DOCUMENT_BYTES_MAX
from api.operations import Content, Operation, Reply
from api.private_keys import PrivateKeys
from api.private_texts import PrivateTextInvalid, protect
from api.problems import Problem, unavailable
from api.queries import read_query
from api.schemas.privacy import PrivateText, PrivateToken


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    subject: str
    text: str


_NO_KEYS: Final = "this process has no privacy_keys_file; ask one that has to encrypt texts"
_decode = msgspec.json.Decoder(_Body).decode


async def post_private_text(request: Request) -> Answer:
    """Encrypt a text with the key of its subject."""
    read_query(request, ())
    content_type(request, JSON_TYPES)
    settings = services(request).settings
    path = settings.privacy_keys_path
    if path is None:
        raise unavailable(_NO_KEYS)
    body = await read_body(request, min(DOCUMENT_BYTES_MAX, settings.body_bytes_max))
    try:
        wanted = _decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error)) from None
    keys = PrivateKeys(path)
    try:
        # It may have to wait for another process that writes the file.
        token = await asyncio.to_thread(protect, keys, wanted.subject, wanted.text)
    except PrivateTextInvalid as error:
        raise Problem("invalid_request", str(error)) from None
    return document(HTTPStatus.OK, {"token": token})


OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/private-texts",
        post_private_text,
        "protectPrivateText",
        "privacy",
        "Encrypt a text that may have to be forgotten",
        {
            200: Reply(
                "Put the token where the text would go, such as `note`.",
                Content(
                    PrivateToken,
                    examples={
                        "token": {"token": "enc1.Qm9qV0x2c3pJd3N6b2VhQQ.3vYJ0mXb0pJQ8gqf7mC1fQ"}
                    },
                ),
            )
        },
        description=(
            "The same text of the same subject gives the same token, so that a command can be sent "
            "again. Nothing is recorded in the log. Tokens are opened, and keys erased, on the "
            "command line only: `stockledger privacy`."
        ),
        body=(
            Content(
                PrivateText,
                examples={
                    "text": {"subject": "customer-4711", "text": "handed to Ms Miller at the desk"}
                },
            ),
        ),
        problems=(
            "invalid_request",
            "too_large",
            "unsupported_media_type",
            "unavailable",
            "request_timeout",
        ),
    ),
)
