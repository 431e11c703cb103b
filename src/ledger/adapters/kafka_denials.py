"""Why brokers let a client not in: what the client itself does not say.

aiokafka tries one broker after the other, and in the end says only that it could not connect. So
they are asked again, step by step. The password goes nowhere but where the client has just sent it:
another kind of connection is tried without.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

# All that is asked, of all brokers together. Whoever waits has waited for a client already.
ASKING_SECONDS = 3.0
CLOSING_SECONDS = 0.5

_FAULTS = (KafkaError, OSError, TimeoutError)
_HUNG_UP = (ssl.SSLError, ConnectionError, KafkaConnectionError)
_SEE_PROTOCOL = "see kafka_security_protocol"


class _Shut(Exception):
    """A broker that answered and lets nobody in; the text says why."""


async def why_denied(arguments: Mapping[str, Any]) -> str | None:
    """Why the brokers let a client with these arguments not in, in a sentence.

    None if that cannot be told: they do not answer, or let it in now.
    """
    way = _Way(arguments)
    bootstrap = [(host, port) for host, port, _ in collect_hosts(arguments["bootstrap_servers"])]
    try:
        async with asyncio.timeout(ASKING_SECONDS):
            # A broker that was reached under one name tells others, and clients go on with those.
            named = await way.look(bootstrap)
            await way.look(named - {*bootstrap})
    except _Shut as shut:
        return str(shut)
    except TimeoutError:
        return None
    return None


class _Way:
    """How a client goes in."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._protocol: str = arguments["security_protocol"]
        self._context: ssl.SSLContext | None = arguments["ssl_context"]
        self._mechanism: str = arguments["sasl_mechanism"]
        self._user: str | None = arguments["sasl_plain_username"]
        self._login = {name: arguments[name] for name in arguments if name.startswith("sasl_")}

    async def look(self, places: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """The names of the brokers, as those at these places tell them. Raises _Shut."""
        named: set[tuple[str, int]] = set()
        for host, port in places:
            try:
                async with _entered(
                    host, port, self._protocol, self._context, **self._login
                ) as connection:
                    answer = await connection.send(MetadataRequest([]))
            except _FAULTS as error:
                reason = await self._explain(host, port, error)
                if reason is not None:
                    raise _Shut(f"{host}:{port} {reason}") from error
            else:
                named |= {(str(one[1]), int(one[2])) for one in answer.brokers}
        return named

    async def _explain(self, host: str, port: int, error: Exception) -> str | None:
        if isinstance(error, SaslAuthenticationFailed):
            return (
                f"refuses the user {self._user} or the password, by {self._mechanism}: see "
                "kafka_sasl_username, kafka_sasl_password and kafka_sasl_mechanism"
            )
        if isinstance(error, UnsupportedSaslMechanismError):
            known = await self._mechanisms(host, port)
            return f"takes no {self._mechanism} but {known or 'others'}: see kafka_sasl_mechanism"
        if isinstance(error, IllegalSaslStateError):
            return f"asks for no user and password: {_SEE_PROTOCOL}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"has a certificate that is not accepted ({error.verify_message}): see "
                "kafka_ssl_cafile, and the names that the brokers are reached by"
            )
        return await self._explain_cut(host, port) if isinstance(error, _HUNG_UP) else None

    async def _explain_cut(self, host: str, port: int) -> str | None:
        """The broker hung up without a word, or says something else than is understood."""
        tells = f"and kafka_security_protocol is {self._protocol}"
        if self._protocol.endswith("SSL"):
            if await _speaks(host, port, "PLAINTEXT", None):
                return f"does not speak TLS, {tells}"
        elif await _speaks(host, port, "SSL", _trusting_all()):
            return f"speaks TLS, {tells}"
        if not self._protocol.startswith("SASL"):
            known = await self._mechanisms(host, port)
            if known:
                return f"asks for user and password ({known}), {tells}"
        return None

    async def _mechanisms(self, host: str, port: int) -> str:
        """By which mechanisms the broker asks for a password; empty if it does not, or not say."""
        protocol = self._protocol.removeprefix("SASL_")
        try:
            async with _entered(host, port, protocol, self._context) as connection:
                answer = await connection.send(SaslHandShakeRequest(self._mechanism))
        except _FAULTS:
            return ""
        return ", ".join(answer.enabled_mechanisms)


async def _speaks(host: str, port: int, protocol: str, context: ssl.SSLContext | None) -> bool:
    """Whether the broker says which requests it knows, as it tells everybody."""
    try:
        async with _entered(host, port, protocol, context):
            return True
    except _FAULTS:
        return False


@asynccontextmanager
async def _entered(
    host: str, port: int, protocol: str, context: ssl.SSLContext | None, **login: Any
) -> AsyncIterator[AIOKafkaConnection]:
    connection = await create_conn(
        host,
        port,
        client_id="stockledger-look",
        request_timeout_ms=int(ASKING_SECONDS * 1000),
        security_protocol=protocol,
        ssl_context=context,
        **login,
    )
    try:
        yield connection
    finally:
        await asyncio.wait([connection.close()], timeout=CLOSING_SECONDS)


def _trusting_all() -> ssl.SSLContext:
    """To learn whether TLS is spoken, and for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
