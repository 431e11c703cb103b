"""Certificates for the servers of the tests, made anew for each run: nothing of them lasts."""

import datetime
import ipaddress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# It is the only name in them, so that `localhost` is a name that they do not have.
ADDRESS = "127.0.0.1"
_DAYS = datetime.timedelta(days=2)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both as PEM."""

    certificate: str
    key: str


class Authority:
    """Who signs certificates. Its own one is what clients trust."""

    def __init__(self, name: str) -> None:
        """An authority of this name; two are never the same, whatever they are called."""
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._now = datetime.datetime.now(datetime.UTC)

    @cached_property
    def certificate(self) -> str:
        """As PEM."""
        builder = self._builder(self._name, self._key, self._now + _DAYS).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return _pem(builder.add_extension(usage, critical=True).sign(self._key, SHA256()))

    def server(self, *, expired: bool = False) -> Pair:
        """A certificate for `ADDRESS`, which may have run out a minute ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = self._now - datetime.timedelta(minutes=1) if expired else self._now + _DAYS
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server of the tests")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = self._builder(name, key, ends).add_extension(names, critical=False)
        signed = builder.add_extension(signer, critical=False).sign(self._key, SHA256())
        # Java takes no other form of a key.
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Pair(_pem(signed), secret.decode())

    def write(self, folder: Path, name: str) -> Path:
        """Put the certificate into a file for clients."""
        path = folder / name
        path.write_text(self.certificate)
        return path

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _DAYS)
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
