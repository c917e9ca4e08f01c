from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest

from data4llm_assets.node import LandingFailed
from raw_crawl.crawl_site import crawl, landed, page, site

cryptography = pytest.importorskip("cryptography")


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate that nobody vouches for but itself, and the file that holds it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(own).issuer_name(own).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    held, secret = folder / "certificate.pem", folder / "key.pem"
    held.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(held, secret)
    return context, held


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "localhost")
    with site({"/": page()}, tls=context) as served:
        with pytest.raises(LandingFailed, match="the certificate is not valid: self-signed certificate"):
            landed(crawl(f"https://localhost:{served.port}/"), tmp_path)
        assert served.requests == []


def test_pages_come_over_tls_from_a_server_whose_certificate_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, held = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(held))
    with site({"/": page("/a"), "/a": page()}, tls=context) as served:
        assert landed(crawl(f"https://localhost:{served.port}/"), tmp_path)["outcome"].to_list() == ["page", "page"]


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, held = certificate(tmp_path, "another.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(held))
    with site({"/": page()}, tls=context) as served:
        with pytest.raises(LandingFailed, match="certificate is not valid for 'localhost'"):
            landed(crawl(f"https://localhost:{served.port}/"), tmp_path)
