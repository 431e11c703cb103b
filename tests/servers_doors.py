"""Ports of a broker behind TLS and passwords, beside the open one that most tests use."""

from pathlib import Path

from tests.servers_certificates import ADDRESS, Authority, Pair
from tests.servers_process import free_ports

# A name of the same machine that is in no certificate.
STRANGE = "localhost"
USER = "ledger"
# What a password may hold: nothing of it may be taken for something else on the way.
PASSWORD = "p%40s+s w:o/r@d"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PROTOCOLS = {
    "TLS": "SSL",
    "EXPIRED": "SSL",
    "PASSWORD": "SASL_PLAINTEXT",
    "BOTH": "SASL_SSL",
    "STRANGE": "SSL",
}
_MODULES = {
    "PLAIN": 'plain.PlainLoginModule required username="{user}" user_{user}="{password}"',
    "SCRAM-SHA-256": "scram.ScramLoginModule required",
    "SCRAM-SHA-512": "scram.ScramLoginModule required",
}


class Doors:
    """What a broker's settings say of them, and what clients need to come in.

    They are called TLS, PASSWORD (no TLS, and no SCRAM-SHA-512), BOTH, EXPIRED (its certificate ran
    out), and STRANGE (TLS; it sends clients on to a name that its certificate does not have).
    """

    def __init__(self, folder: Path) -> None:
        """Make an authority and certificates; `folder` gets what clients trust."""
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority("authority of the tests")
        self.cafile = self.authority.write(folder, "authority.pem")
        self.ports = dict(zip(_PROTOCOLS, free_ports(len(_PROTOCOLS)), strict=True))
        self.protocols = dict(_PROTOCOLS)
        good = self.authority.server()
        self._pairs = {name: good for name, kind in _PROTOCOLS.items() if kind.endswith("SSL")}
        self._pairs["EXPIRED"] = self.authority.server(expired=True)

    def bootstrap(self, door: str, host: str = ADDRESS) -> str:
        """The address of a door."""
        return f"{host}:{self.ports[door]}"

    @property
    def listeners(self) -> list[str]:
        """Where the broker listens."""
        return [f"{name}://{self.bootstrap(name)}" for name in self.ports]

    @property
    def advertised(self) -> list[str]:
        """Where it sends its clients."""
        return [
            f"{name}://{self.bootstrap(name, STRANGE if name == 'STRANGE' else ADDRESS)}"
            for name in self.ports
        ]

    def settings(self) -> str:
        """Lines for the broker's properties."""
        # Those who guess passwords are kept waiting; tests need not be.
        lines = ["connection.failed.authentication.delay.ms=0"]
        for name, pair in self._pairs.items():
            lines += _key_store(name, pair)
        for name, kind in self.protocols.items():
            if kind.startswith("SASL"):
                lines += _logins(name)
            lines.append(f"listener.name.{name.lower()}.num.network.threads=1")
        return "".join(f"{line}\n" for line in lines)

    @staticmethod
    def users() -> list[str]:
        """What the storage is formatted with: SCRAM's users lie in the cluster itself."""
        return [
            part
            for mechanism in MECHANISMS[1:]
            for part in ("--add-scram", f'{mechanism}=[name="{USER}",password="{PASSWORD}"]')
        ]


def _key_store(name: str, pair: Pair) -> list[str]:
    start = f"listener.name.{name.lower()}.ssl"
    return [
        f"{start}.keystore.type=PEM",
        f"{start}.keystore.certificate.chain={_one_line(pair.certificate)}",
        f"{start}.keystore.key={_one_line(pair.key)}",
    ]


def _logins(name: str) -> list[str]:
    start = f"listener.name.{name.lower()}"
    known = [one for one in MECHANISMS if name != "PASSWORD" or one != "SCRAM-SHA-512"]
    lines = [f"{start}.sasl.enabled.mechanisms={','.join(known)}"]
    for mechanism in known:
        login = _MODULES[mechanism].format(user=USER, password=PASSWORD)
        jaas = f"org.apache.kafka.common.security.{login};"
        lines.append(f"{start}.{mechanism.lower()}.sasl.jaas.config={jaas}")
    return lines


def _one_line(pem: str) -> str:
    return pem.replace("\n", "\\n")
