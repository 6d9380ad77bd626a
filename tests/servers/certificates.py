"""A certificate authority of a few days and a server certificate for 127.0.0.1, for tests over TLS."""

import datetime
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = datetime.timedelta(days=2)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM form: the authority's certificate, the server's, and the server's private key."""

    ca_path: Path
    cert_path: Path
    key_path: Path

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield each file with its kind: `ca`, `cert`, `key`."""
        yield "ca", self.ca_path
        yield "cert", self.cert_path
        yield "key", self.key_path


def make_certificates(folder: Path) -> Certificates:
    """Make a new authority and a server certificate signed by it; write them into the folder."""
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("FarmLokal test authority", ca_key, ca_key, None)
    server = _certificate("127.0.0.1", key, ca_key, authority.subject)
    made.ca_path.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.cert_path.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, ca_key: ec.EllipticCurvePrivateKey, issuer: x509.Name | None
) -> x509.Certificate:
    """Return a certificate of `key`, signed by `ca_key`; without an issuer it is the authority's own.

    It has the extensions of RFC 5280 that Python 3.13 and later insist on.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .add_extension(_usage(signs=issuer is None), critical=True)
    )
    if issuer is not None:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Return an authority's key usage, which is to sign certificates, or a server's, which is to sign handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
