from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawling.addresses import Addresses, AddressRefused, Place, is_private
from raw_crawl.crawl_site import crawl, landed, page, redirect, site

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
    "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "nonsense",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::"]


def test_addresses_that_are_not_of_the_public_internet_are_told_from_those_that_are() -> None:
    assert [address for address in PRIVATE if not is_private(address)] == []
    assert [address for address in PUBLIC if is_private(address)] == []


def resolver(*addresses: str) -> tuple[list[str], object]:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(f"{host}:{port}")
        return list(addresses)

    return asked, resolve


def places(addresses: Addresses, host: str = "a.example", port: int = 80) -> list[Place]:
    return asyncio.run(addresses.places(host, port))


def test_a_connection_goes_to_addresses_that_were_judged_and_a_name_is_resolved_once() -> None:
    asked, resolve = resolver("1.1.1.1", "1.0.0.1", "1.1.1.1")
    assert places(Addresses(False, {}, resolve)) == [Place("1.1.1.1", 80), Place("1.0.0.1", 80)]
    assert asked == ["a.example:80"]


@pytest.mark.parametrize("found", [("10.0.0.1",), ("1.1.1.1", "127.0.0.1"), ("::ffff:169.254.169.254",)])
def test_a_name_that_leads_into_a_private_network_is_refused_even_if_it_leads_elsewhere_too(found: tuple[str, ...]) -> None:
    with pytest.raises(AddressRefused, match=r"a\.example is .*, an address that is not public; `private_addresses: allow`"):
        places(Addresses(False, {}, resolver(*found)[1]))
    assert places(Addresses(True, {}, resolver(*found)[1]))


def test_only_a_host_that_is_served_for_the_crawl_is_an_exception() -> None:
    _, resolve = resolver("127.0.0.1")
    addresses = Addresses(False, {"docs.test": Place("127.0.0.1", 5000)}, resolve)
    assert places(addresses, "docs.test") == [Place("127.0.0.1", 5000)]
    for host, port in (("docs.test", 443), ("docs.test", 5000), ("other.test", 80)):
        with pytest.raises(AddressRefused):
            places(addresses, host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_seed_in_a_private_network_is_refused_and_nothing_is_sent(tmp_path: Path, host: str) -> None:
    with site({"/": page()}) as served:
        section = crawl(f"http://{host}:{served.port}/", private_addresses="refuse", contact="crawl@example.org")
        with pytest.raises(LandingFailed, match=r"(?s)not one page could be fetched.*an address that is not public"):
            landed(section, tmp_path)
        assert served.requests == []


def test_a_redirect_into_a_private_network_is_refused_though_its_host_is_in_scope(tmp_path: Path) -> None:
    from data4llm_assets.raw_crawl.crawling.serving import Serve

    with site({"/": page()}) as inside:
        target = f"http://127.0.0.1:{inside.port}/"
        program = "import http.server as h\n"
        program += "class H(h.BaseHTTPRequestHandler):\n def do_GET(s):\n"
        program += "  s.send_response(200 if s.path == '/' else 302 if s.path == '/out' else 404)\n"
        program += f"  s.send_header('Location', '{target}')\n  s.send_header('Content-Type', 'text/html')\n  s.end_headers()\n"
        program += "  s.wfile.write(b'<html><a href=/out>x</a>')\n"
        program += "h.HTTPServer(('127.0.0.1', {port}), H).serve_forever()"
        serve = Serve(host="docs.test", command=("{python}", "-c", program))
        hosts = {"hosts": ["docs.test", f"127.0.0.1:{inside.port}"]}
        section = crawl("http://docs.test/", private_addresses="refuse", serve=serve, scope=hosts)
        told = dict(landed(section, tmp_path).select("url", "outcome").iter_rows())
        assert told == {"http://docs.test/": "page", "http://docs.test/out": "redirect", target: "address"}
        assert inside.requests == []


def test_a_redirect_of_robots_txt_into_a_private_network_is_not_followed(tmp_path: Path) -> None:
    with site({"/": page()}) as inside, site({"/": page(), "/robots.txt": redirect(f"http://localhost:{inside.port}/")}) as served:
        asked: list[str] = []

        async def resolve(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if host == "127.0.0.1" and port == served.port else ["10.0.0.1"]

        section = crawl(served.url, private_addresses="refuse", contact="crawl@example.org")
        with pytest.raises(LandingFailed, match="is not public"):
            landed(section, tmp_path, resolve=resolve)
        assert inside.requests == []
