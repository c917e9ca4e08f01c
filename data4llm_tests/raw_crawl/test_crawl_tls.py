from __future__ import annotations

from pathlib import Path

import pytest

from data4llm_assets.node import LandingFailed
from listeners import certificate
from raw_crawl.crawl_site import crawl, landed, page, site


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "localhost")
    with site({"/": page()}, tls=context) as served:
        with pytest.raises(LandingFailed, match="the certificate is not valid: self-signed certificate"):
            landed(crawl(f"https://localhost:{served.port}/"), tmp_path)
        assert served.requests == []


def test_pages_come_over_tls_from_a_server_whose_certificate_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, context = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(held))
    with site({"/": page("/a"), "/a": page()}, tls=context) as served:
        assert landed(crawl(f"https://localhost:{served.port}/"), tmp_path)["outcome"].to_list() == ["page", "page"]


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, context = certificate(tmp_path, "another.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(held))
    with site({"/": page()}, tls=context) as served:
        with pytest.raises(LandingFailed, match="certificate is not valid for 'localhost'"):
            landed(crawl(f"https://localhost:{served.port}/"), tmp_path)
