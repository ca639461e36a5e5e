"""`arbiter metrics`."""

from typing import TYPE_CHECKING

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json

if TYPE_CHECKING:
    from arbiter.metrics import ModelMetrics


def metrics(ledger: HeldLedger, as_json: Json = False) -> None:
    """Give requests, cost, errors, judgements and latency of every model in a ledger; - is not known."""
    from arbiter.ledger import open_ledger
    from arbiter.metrics import measure

    with open_ledger(ledger, must_exist=True) as opened:
        models = measure(opened).models
    if as_json:
        show_json(list(models))
        return
    width = max((len(row.model) for row in models), default=5)
    head = ("requests", "calls", "errors", "cost $", "expected $", "judged", "quality", "p50 s", "p95 s")
    show([f"{'model':<{width}} " + " ".join(f"{name:>10}" for name in head)])
    show(f"{row.model:<{width}} " + " ".join(f"{cell:>10}" for cell in _cells(row)) for row in models)


def _cells(row: "ModelMetrics") -> tuple[str, ...]:
    return (
        str(row.decisions),
        str(row.calls),
        str(row.errors),
        _number(row.cost_usd, ".4g"),
        _number(row.expected_cost_usd, ".4g"),
        str(row.judged),
        _number(row.quality, ".3f"),
        _number(row.latency_p50_s, ".3g"),
        _number(row.latency_p95_s, ".3g"),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
