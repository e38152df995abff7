"""A broker that is spoken to over TLS alone: who has its certificate comes in, nobody else does."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local import Kafka, Unavailable
from deploy.local.kafka import ADMIN
from deploy.local.process import HOST
from suizhuan.adapters.connect import connect_log
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import LogUnavailable, TopicSpec
from suizhuan.settings import ServiceSettings, load_settings

pytestmark = pytest.mark.real


def certificate() -> tuple[str, str]:
    """(certificate, key) of a broker at 127.0.0.1, signed by itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), plain.decode()


class Encrypted(Kafka):
    """As the local one, with TLS below its logins."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, brief=True, logins=["finance"])
        self.certificate, self._key = certificate()

    def prepare(self) -> list[str]:
        command = super().prepare()
        file = self.folder / "server.properties"
        chain, key = (pem.replace("\n", "\\n") for pem in (self.certificate, self._key))
        kept = "ssl.keystore.type=PEM", f"ssl.keystore.certificate.chain={chain}", f"ssl.keystore.key={key}"
        trusted = "ssl.truststore.type=PEM", f"ssl.truststore.certificates={chain}"
        plain = file.read_text().replace("CLIENT:SASL_PLAINTEXT", "CLIENT:SASL_SSL")
        file.write_text("\n".join([plain.rstrip("\n"), *kept, *trusted, ""]))
        return command

    def answers(self) -> bool:
        try:
            return bool(ssl.get_server_certificate((HOST, self.port), timeout=2))
        except OSError:
            return False


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Encrypted]:
    broker = Encrypted(tmp_path / "kafka")
    try:
        broker.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield broker
    broker.kill()


async def reached(broker: Encrypted, ca: str | None, folder: Path) -> bool:
    """Whether a service with these settings comes in."""
    file = folder / "ca.pem"
    if ca is not None:
        await asyncio.to_thread(file.write_text, ca)
    settings = load_settings(
        ServiceSettings,
        "finance",
        log_url=f"kafka://{broker.url}",
        log_login=ADMIN,
        log_password=broker.passwords[ADMIN],
        log_ca=file if ca is not None else None,
    )
    log = connect_log(settings, SystemClock())
    try:
        await log.ensure_topics([TopicSpec("finance.entry")])
        return len(await log.partitions("finance.entry")) == 3
    except LogUnavailable:
        return False
    finally:
        await log.close()


async def test_a_service_speaks_to_whom_its_certificates_vouch_for(encrypted: Encrypted, tmp_path: Path) -> None:
    assert await reached(encrypted, encrypted.certificate, tmp_path)
    assert not await reached(encrypted, certificate()[0], tmp_path)
    assert not await reached(encrypted, None, tmp_path)
