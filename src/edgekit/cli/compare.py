"""How two models differ, and whether one may take the other's place."""

import sys
from pathlib import Path
from typing import Any

import click

from edgekit.cli import candidates
from edgekit.cli import options as shared
from edgekit.cli.output import show
from edgekit.errors import printable

_FAILED = 3  # exit code: a condition of --fail-if holds


@click.command("compare")
@click.argument("a", type=shared.ModelPath(path_type=Path))
@click.argument("b", type=shared.ModelPath(path_type=Path))
@click.option(
    "--data", metavar="DATA", help="Evaluate both on these images first, as edgekit evaluate does.",
    shell_complete=candidates.data,
)  # fmt: skip
@click.option("--fail-if", metavar="CONDITIONS", default="", help="Exit with 3 where one holds, see above.")
@shared.board_target_option
@shared.optimize_option
@shared.weights_option
@shared.flash_mode_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@shared.report_option
@shared.json_option
def compare_command(
    a: Path, b: Path, data: str | None, fail_if: str, target: Any, optimize: Any, weights: Any,
    flash_mode: str, markdown: bool, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say how model B differs from A: quality, bytes, RAM, estimated ms, operators.

    A and B are each a .tflite, a card.json, or what evaluate, eval-device, compile, inspect or profile printed with
    --json. A .tflite is compiled for --target, --optimize, --weights and --flash-mode; its figures are those of
    --data, else of the card beside it. Where both saw the same images (evaluate --json lists its own), McNemar's test
    tells whether they err equally often; else intervals take the two for independent.

    \b
    --fail-if 'accuracy<-0.01, ram>+5%, flash>+10%'
        CONDITIONS = CONDITION, CONDITION, ...
        CONDITION  = QUANTITY SIGN NUMBER, with % behind it for per cent of A
        SIGN       = <  <=  >  >=, of B - A
        QUANTITY   = accuracy balanced_accuracy precision recall specificity
                     f1 auc (shares: -0.01 is one point less); of one class
                     recall:LABEL, precision:LABEL, f1:LABEL, auc:LABEL;
                     mse mae max_error; bytes parameters macs flash code
                     constants ram tflm_arena ms cycles instructions board_ms

    Exit codes: 3 where a condition holds, 2 where one cannot be read or a side does not tell its quantity.
    """
    from edgekit.comparison.compare import compare
    from edgekit.comparison.conditions import ConditionError, parse_conditions
    from edgekit.compile.options import CompileOptions
    from edgekit.report.pages.comparison import comparison_page, comparison_parts, failed_line
    from edgekit.report.render import write
    from edgekit.report.render_markdown import parts_markdown
    from edgekit.values.codec import to_document

    if markdown and as_json:
        raise click.UsageError("--markdown and --json are two ways to print one thing: give one of them.")
    options = CompileOptions(target=target, optimize=optimize, weights=weights, flash_mode=flash_mode)
    try:
        conditions = parse_conditions(fail_if) if fail_if else ()
        found = compare(a, b, data=data, options=options, conditions=conditions)
    except ConditionError as error:
        raise click.UsageError(f"{error.message} {error.hint}") from error
    values = to_document(found)
    if report is not None:
        write(comparison_page(found), report, values)
    if markdown:
        click.echo(printable(parts_markdown(comparison_parts(found))))
    else:
        show(comparison_parts(found), values, as_json)
    failed = [one for one in found.conditions if one.holds]
    for one in failed:
        click.echo(printable(f"fails: {failed_line(one, found)}"), err=True)
    if failed:
        sys.stdout.flush()
        sys.exit(_FAILED)
