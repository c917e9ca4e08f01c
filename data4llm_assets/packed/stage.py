"""`packed`: token sequences of one length, and the order to train on them in.

Here: its section of the recipe and its three nodes. `tokenized` encodes each partition's documents and sends every copy to a part,
`packed` makes the sequences of each part, and after it, for it needs to know how many there are, `training_order` permutes them.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import polars as pl
from pydantic import Field

from data4llm_assets import document
from data4llm_assets.method import Decide, Measure
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, Verdict, View
from data4llm_assets.packed import checks, glossary, packing


class Packed(Section):
    stage: Literal["packed"] = "packed"
    name: StepName = "packed"
    sequence_length: Decide[int] = Field(2048, ge=2, description="tokens of a sequence")
    strategy: Decide[Literal["best_fit", "concatenate"]] = Field(
        "best_fit", description="best_fit cuts only documents longer than a sequence; concatenate cuts wherever a sequence ends"
    )
    parts: Measure[int] = Field(2, ge=1, description="partitions of the packed corpus; each is packed in memory by one worker")
    separator: Decide[bool] = Field(True, description="write the tokenizer's separator after each document")

    def nodes(self, place: Place) -> tuple[Node, ...]:
        """`tokenized`, `packed`, and last the training order, which is read from what `packed` made."""
        view, seed = place.view, place.seed
        tokenized, order = place.sub("tokenized"), place.sub("training_order")
        return (
            Node(
                name=tokenized,
                stage="packed",
                function="packed.tokenized",
                version="1",
                grain="grid",
                make=partial(packing.tokenize, tokenizer=place.tokenizer, kept=view.kept, parts=self.parts, seed=seed),
                description="Token ids of every copy of every document, sent by hash to the part that packs them.",
                tables=("documents", "totals"),
                schemas={"documents": packing.DOCUMENTS, "totals": packing.TOTALS},
                reads=(Read(view.kept),),
                view=view,
                settings={"parts": self.parts, "seed": seed},
                measures=(place.tokenizer,),
                expectations=checks.tokenized(),
                glossary=glossary.TOKENIZED,
                kinds=("polars", "parquet", "huggingface"),
            ),
            Node(
                name=place.name,
                stage="packed",
                function="packed",
                version="1",
                grain="part",
                make=partial(
                    packing.pack,
                    tokenizer=place.tokenizer,
                    tokenized=tokenized,
                    strategy=self.strategy,
                    sequence_length=self.sequence_length,
                    separator=self.separator,
                    seed=seed,
                ),
                description="Sequences to train on, all of one length: token ids, and which tokens of which document they are.",
                tables=("sequences", "lengths"),
                schemas={"sequences": document.SEQUENCES, "lengths": packing.LENGTHS},
                reads=(Read(Ref(tokenized, "documents"), "own"),),
                settings={**self.model_dump(include={"strategy", "separator", "sequence_length"}), "seed": seed},
                measures=(place.tokenizer,),
                expectations=checks.packed(self.strategy, self.sequence_length),
                glossary=glossary.PACKED,
                kinds=("polars", "parquet", "numba"),
            ),
            Node(
                name=order,
                stage="packed",
                function="packed.training_order",
                version="1",
                grain="corpus",
                make=partial(
                    packing.order_training, packed=place.name, tokenized=tokenized, sequence_length=self.sequence_length, seed=seed
                ),
                description="In which order sequences are trained on: phase by phase, in each a seeded permutation of all.",
                tables=("order",),
                schemas={"order": packing.ORDER},
                reads=(Read(Ref(place.name, "lengths"), "all"), Read(Ref(tokenized, "totals"), "all")),
                settings={"seed": seed, "sequence_length": self.sequence_length},
                expectations=checks.training_order(),
                glossary=glossary.TRAINING_ORDER,
            ),
        )  # fmt: skip

    def after(self, place: Place) -> View:
        return place.view

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        _, lengths = bench.model(place.tokenizer).encode_batch(document["text"].to_list())
        count = int(lengths[0])
        needed = -(-count // self.sequence_length)
        note = f"of {self.sequence_length} tokens; the last is shared with other documents" if needed else "nothing to pack"
        size = Verdict("packed.tokens", float(count), None, None, "info", "without separator")
        return Trial((size, Verdict("packed.sequences", float(needed), None, None, "keep" if needed else "drop", note)))
