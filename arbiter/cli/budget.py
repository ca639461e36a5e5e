"""`arbiter budget`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import show, show_json


def budget(
    store: Annotated[Path, typer.Argument(help="The file that a SqliteBudget keeps.")],
    limits: Annotated[Path, typer.Option(help="TOML file of limits, as the service reads it.")],
    user: Annotated[str | None, typer.Option(help="Whose; left out, that of requests without a user.")] = None,
    team: Annotated[str | None, typer.Option(help="Whose team.")] = None,
    as_json: Json = False,
) -> None:
    """Show what the limits of a user, a team and everyone leave today and this month."""
    from arbiter.governance import Owner, SqliteBudget, SqliteBudgetOptions, read_limits

    kept = SqliteBudget(store, read_limits(limits), SqliteBudgetOptions(must_exist=True))
    try:
        quotas = kept.quotas(Owner(user=user, team=team))
    finally:
        kept.close()
    if as_json:
        show_json([{"left_usd": q.left_usd, **{name: getattr(q, name) for name in q.__slots__}} for q in quotas])
        return
    show(
        f"{q.account}, {q.period}: ${q.left_usd:.6g} left of ${q.limit_usd:.6g}"
        f" (${q.spent_usd:.6g} spent, ${q.held_usd:.6g} held for calls in flight)"
        for q in quotas
    )
    if not quotas:
        show(["no limit applies"])
