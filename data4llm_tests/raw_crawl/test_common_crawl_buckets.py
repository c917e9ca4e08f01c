"""Index and archives in a bucket: read by ranges like everything else. A loopback server answers as S3 does for reading objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from common_crawl_world import cdxj, landed, section, table, world
from range_server import RangeServer

from data4llm_assets.node import LandingFailed


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return tmp_path / "buckets"


def test_a_bucket_is_read_like_any_other_place(tmp_path: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captures = world(bucket / "crawl")
    cdxj(bucket / "crawl/i.cdxj.gz", captures)
    table(bucket / "crawl/t.parquet", captures)
    here = landed(section(index=bucket / "crawl/i.cdxj.gz", data=str(bucket / "crawl")), tmp_path / "landing" / "here")
    with RangeServer(bucket) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.rstrip("/"))
        for index in ("i.cdxj.gz", "t.parquet"):
            there = section(index=f"s3://crawl/{index}", data="s3://crawl/")
            assert landed(there, tmp_path / "landing" / index) == here
        assert any("Signature=" in headers.get("authorization", "") for headers in server.headers)
        with pytest.raises(LandingFailed, match=r"there is no index s3://crawl/gone.cdxj"):
            landed(section(index="s3://crawl/gone.cdxj", data="s3://crawl/"), tmp_path / "landing" / "gone")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "landing").rglob("*") if path.is_file())
    assert b"planted" not in kept


def test_a_bucket_that_cannot_be_read_is_named_without_what_signs_requests(
    tmp_path: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captures = world(bucket / "crawl")
    index = cdxj(tmp_path / "i.cdxj", captures)
    with RangeServer(bucket, lambda number, path: "401") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.rstrip("/"))
        with pytest.raises(LandingFailed, match=r"s3://crawl/crawl-data/.* cannot be read \(\w+\)") as caught:
            landed(section(index=index, data="s3://crawl"), tmp_path / "landing" / "first")
    assert "planted" not in str(caught.value)


def test_a_prefix_of_a_bucket_is_an_index_of_all_its_files(tmp_path: Path) -> None:
    captures = world(tmp_path / "data")
    half = len(captures) // 2
    table(tmp_path / "table/a.parquet", captures[:half])
    cdxj(tmp_path / "table/b.cdxj.gz", captures[half:])
    (tmp_path / "table/readme.txt").write_text("no index")
    data = f"file://{tmp_path}/data"
    whole = landed(section(index=tmp_path / "table", data=data), tmp_path / "landing" / "folder")
    assert landed(section(index=f"file://{tmp_path}/table/", data=data), tmp_path / "landing" / "prefix") == whole
    assert landed(section(index=cdxj(tmp_path / "i.cdxj", captures), data=data), tmp_path / "landing" / "one") == whole
