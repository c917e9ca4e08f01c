from __future__ import annotations

import ipaddress
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data4llm_assets.filtered.anonymise import LABEL, Email, PublicIp, email_spans, public_ip_spans
from data4llm_assets.method import Edit

EMAIL, PUBLIC_IP = Email(method="email"), PublicIp(method="public_ip")


def edited(edit: Edit, text: str) -> str:
    changed = edit.edits(pl.DataFrame({"doc_id": ["d"], "text": [text]}))
    return changed["text"].item() if changed.height else text


def test_addresses_are_replaced_by_turns_from_the_first_in_every_document() -> None:
    documents = pl.DataFrame({"doc_id": ["x", "y", "z"], "text": ["a@b.org c@d.org e@f.org", "nothing @ all", "é g@h.org"]})
    changed = EMAIL.edits(documents)
    assert changed["doc_id"].to_list() == ["x", "z"]
    assert changed["text"].to_list() == [
        "email@example.com firstname.lastname@example.org email@example.com",
        "é email@example.com",
    ]
    assert changed["spans"].to_list()[1] == [{"start": 2, "end": 9, "type": "email"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mailto:John.Doe+list@Sub.Example.co.uk.", "mailto:email@example.com."),
        ("<a@[8.8.8.8]>", "<email@example.com>"),
        ("a@[8.8.8.8]com", "a@[8.8.8.8]com"),
        ("a@b.org+c@d.org", "email@example.com+firstname.lastname@example.org"),
        ("a@b.org@c.org", "email@example.com"),
        ("x@y.z-@[1.1.1.1]", "email@example.com"),
        ("a@b.org/c@d.org", "email@example.com/firstname.lastname@example.org"),
        ("no@domain", "no@domain"),
        ("dot.@b.org", "dot.@b.org"),
        ("two..dots@b.org", "two..email@example.com"),
        ("ask info@example.com", "ask email@example.com"),
        ("ask email@example.com", "ask email@example.com"),
    ],
)
def test_what_an_email_address_is(text: str, expected: str) -> None:
    assert edited(EMAIL, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 8.8.8.8, 1.1.1.1", "at 22.214.171.124, 126.96.36.199"),
        ("10.0.0.1 127.0.0.1 172.16.0.1 172.32.0.1", "10.0.0.1 127.0.0.1 172.16.0.1 22.214.171.124"),
        ("08.8.8.8 256.8.8.8 1.2.3.4444 12345.6.7.8", "08.8.8.8 256.8.8.8 1.2.3.4444 12345.6.7.8"),
        (".3.3.3.0", ".22.214.171.124"),
        ("192.0.0.9 192.0.0.8", "22.214.171.124 192.0.0.8"),
    ],
)
def test_what_a_public_address_is(text: str, expected: str) -> None:
    assert edited(PUBLIC_IP, text) == expected


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_public_means_what_python_calls_global(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    if address not in ipaddress.ip_network("192.0.0.0/24"):  # where Python's patch releases differ
        assert bool(list(public_ip_spans(str(address)))) == address.is_global


@pytest.mark.parametrize(
    "network", ["0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.2.0/24", "198.18.0.0/15", "240.0.0.0/4"]
)
def test_special_networks_end_where_their_last_address_does(network: str) -> None:
    block = ipaddress.ip_network(network)
    assert [list(public_ip_spans(str(block[at]))) for at in (0, -1)] == [[], []]
    if network != "240.0.0.0/4":
        assert list(public_ip_spans(str(block[-1] + 1)))


ATOMS = "[A-Za-z0-9+-]+"
AT_DOMAIN = rf"@(?:(?:{LABEL}\.)+{LABEL}|\[1\.1\.1\.1\](?!-*[A-Za-z0-9]|\.[A-Za-z0-9]))"
SYMBOLS = r"(?:\.?[+-]+(?:\.[+-]+)*)?"
ORACLE = re.compile(
    rf"\b(?=[A-Za-z0-9_]){ATOMS}(?:\.{ATOMS})*{AT_DOMAIN}(?:{SYMBOLS}(?:{AT_DOMAIN}|@[A-Za-z0-9+.-]+(?=@)))*"
)
FRAGMENTS = st.lists(
    st.sampled_from(["a", "b1", ".", "@", "-", "+", "é", " ", "[1.1.1.1]", "x@y.z", "email@example.com"]), max_size=14
)


@given(FRAGMENTS.map("".join))
@settings(max_examples=300, deadline=None)
def test_email_spans_equal_one_regular_expression(text: str) -> None:
    assert list(email_spans(text)) == [match.span() for match in ORACLE.finditer(text)]


@given(
    FRAGMENTS.map("".join), st.lists(st.sampled_from(["8.8", ".", "1", "10.0.0.1", " ", "4.4.4.4", "22.214.171.124"]), max_size=12)
)
@settings(max_examples=300, deadline=None)
def test_a_second_pass_changes_nothing(emails: str, addresses: list[str]) -> None:
    for edit in (EMAIL, Email(method="email", replacements=("EMAIL",))):
        once = edited(edit, emails)
        assert edited(edit, once) == once
    once = edited(PUBLIC_IP, "".join(addresses))
    assert edited(PUBLIC_IP, once) == once


def test_time_grows_with_the_text_not_its_square() -> None:
    # a quadratic search takes hours on these
    assert list(email_spans("a+" * 500_000 + "@")) == []
    assert list(email_spans("a@" * 500_000)) == []
    assert len(list(email_spans("a@b.c " * 100_000))) == 100_000


def test_a_replacement_that_a_second_pass_would_replace_is_refused() -> None:
    with pytest.raises(ValidationError, match="holds an address in a longer text"):
        Email(method="email", replacements=("write to me@example.org",))
    with pytest.raises(ValidationError, match="holds an address in a longer text"):
        PublicIp(method="public_ip", replacements=("IP 8.8.8.8",))
