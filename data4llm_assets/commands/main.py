"""`data4llm`: the command line. Exit status 0 done, 1 refused or failed, 2 wrong use, 3 within the budget, 130 interrupted."""

from __future__ import annotations

import logging
import sys

import typer

from data4llm_assets.commands import (
    decisions,
    doctor,
    evaluate,
    export,
    gc,
    init,
    plan,
    read,
    release,
    repair,
    report,
    run,
    snapshot,
    train,
    try_,
    ui,
    upgrade,
)
from data4llm_assets.commands.options import errors
from data4llm_assets.engine.acceptance import NothingToAccept
from data4llm_assets.engine.collecting import Collecting
from data4llm_assets.engine.snapshots import SnapshotError
from data4llm_assets.engine.store import WrongFormat
from data4llm_assets.lineage.releases import ReleaseError, Stale
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models.model_file import ModelFileError
from data4llm_assets.recipe import RecipeError

INTERRUPTED = 130

app = typer.Typer(
    name="data4llm",
    help="A build system for LLM training data: raw sources in, packed token sequences out, nothing rebuilt that did not change.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("try")(try_.try_)
app.command("read")(read.read)
app.command("decisions")(decisions.decisions)
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(release.app, name="release")
app.add_typer(report.app, name="report")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")
app.command("export")(export.export)
app.command("ui")(ui.ui)
app.command("gc")(gc.gc)
app.command("repair")(repair.repair)
app.command("upgrade")(upgrade.upgrade)
app.command("doctor")(doctor.doctor)


class _Told(logging.Handler):
    """What the product says as it works, such as how far a crawl is: a line each, for people."""

    def emit(self, record: logging.LogRecord) -> None:
        errors.print(self.format(record), markup=False)


def main() -> None:
    told = logging.getLogger("data4llm")
    told.setLevel(logging.INFO)
    told.addHandler(_Told())
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            errors.print("interrupted: what was published stays, and the next run goes on from there", style="yellow")
        raise
    except (Stale, Collecting) as error:
        errors.print(str(error), style="red", markup=False)
        sys.exit(1)
    except (RecipeError, SnapshotError, ReleaseError, NothingToAccept, WrongFormat, LookupError) as error:
        errors.print(str(error.args[0] if error.args else error), style="red", markup=False)
        sys.exit(2)
    except (ModelUnavailable, ModelFileError) as error:
        errors.print(str(error), style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
