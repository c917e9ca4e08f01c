from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.charset import codec_of, decode

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 8
JAPANESE = "いろはにほへと ちりぬるを わかよたれそ つねならむ。" * 8
CHINESE = "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。" * 8


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        ("naïve café “quoted”", "cp1252", "ISO-8859-1"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE, "euc-jp", "EUC-JP"),
        (JAPANESE, "iso2022-jp", "iso-2022-jp"),
        (CHINESE, "gb18030", "gb2312"),
        ("wide text", "utf-16-le", "utf-16le"),
    ],
)
def test_what_is_declared_is_believed(text: str, charset: str, declared: str) -> None:
    assert decode(text.encode(charset), declared).text == text


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        (RUSSIAN, "utf-8", "windows-1251"),
        ("naïve café", "utf-8", "iso-8859-1"),
        (RUSSIAN, "cp1251", "utf-8"),
        (JAPANESE, "shift_jis", "utf-8"),
        (CHINESE, "gb18030", "us-ascii"),
        (JAPANESE, "utf-8", "no-such-charset"),
        (RUSSIAN, "utf-8", "rot13"),
    ],
)
def test_lying_charsets_are_found_out(text: str, charset: str, declared: str) -> None:
    found = decode(text.encode(charset), declared)
    assert found.text == text
    assert found.replaced == 0


def test_without_a_declaration_the_bytes_tell() -> None:
    assert decode(RUSSIAN.encode("cp1251")).text == RUSSIAN
    assert decode(b"\xff\xfea\x00b\x00").text == "ab"
    assert decode(b"\xef\xbb\xbfa").text == "a"


@pytest.mark.parametrize("text", ["<p>plain</p>", f"<p>{RUSSIAN}</p>", RUSSIAN, "<td>天地一<td>" * 8, "\U0001f600<b>ok</b>" * 3])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
def test_utf16_without_a_mark_is_known_by_its_nuls(text: str, codec: str, declared: str | None) -> None:
    payload = text.encode(codec)
    for markup in (True, False):
        assert decode(payload, declared, markup=markup) == (text, codec, 0)
        assert decode(payload + b"a", declared, markup=markup).text == text


@pytest.mark.parametrize(
    ("payload", "charset", "text"),
    [
        (b"one \0 NUL", "utf-8", "one \0 NUL"),
        (b"\0" * 20, "utf-8", "\0" * 20),
        (b"a\0b\0\0\0c\0", "utf-8", "a\0b\0\0\0c\0"),
        # Half of a surrogate pair.
        (b"a\0b\0c\0\x00\xd8d\0", "utf-8", None),
        ("wide".encode("utf-32-le"), "utf-8", None),
    ],
)
def test_other_nuls_are_no_utf16(payload: bytes, charset: str, text: str | None) -> None:
    found = decode(payload)
    assert found.charset == charset
    assert text is None or found.text == text


def test_a_broken_character_is_no_reason_to_take_wide_text_for_something_else() -> None:
    page = RUSSIAN.encode("utf-16-le") + b"\x00\xd8" + "<p>".encode("utf-16-le") * 9
    assert decode(page) == (RUSSIAN + "\ufffd" + "<p>" * 9, "utf-16-le", 1)


def test_a_meta_element_is_asked_after_the_header() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">' + RUSSIAN
    assert decode(page.encode("cp1251"), markup=True).charset == "cp1251"
    assert decode(page.encode("koi8-r"), "koi8-r", markup=True).text == page
    xml = '<?xml version="1.0" encoding="euc-jp"?>' + JAPANESE
    assert decode(xml.encode("euc-jp"), markup=True).text == xml


def test_a_short_word_of_a_multibyte_charset_is_not_taken_for_utf8() -> None:
    assert decode("联通".encode("gbk"), "gbk").text == "联通"


@pytest.mark.parametrize(
    ("label", "codec"), [("ISO-8859-1", "cp1252"), ('"utf8"', "utf-8"), ("x-sjis", "cp932"), ("zlib", None), ("", None)]
)
def test_labels_are_read_as_browsers_read_them(label: str, codec: str | None) -> None:
    assert codec_of(label) == codec


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([None, "utf-8", "gb2312", "utf-16", "iso-2022-jp", "hz", "utf-7", "idna", "undefined"])
)
def test_any_bytes_give_text_that_can_be_stored(payload: bytes, declared: str | None) -> None:
    decode(payload, declared, markup=True).text.encode("utf-8", "surrogatepass")
