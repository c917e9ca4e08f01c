"""The crawler: from seeds to WARC files in a landing. What a recipe says of it is `raw_crawl/crawl.py`."""
