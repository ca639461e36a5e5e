"""`arbiter plan cost`."""

from arbiter.cli.options import CatalogFile, Json, LookedAtLedger
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned

SHOWN = ("totals", "budgets", "break_evens", "returns", "forecast", "backtests", "savings", "notes")


def cost(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    ledger: LookedAtLedger = None,
    as_json: Json = False,
) -> None:
    """Project the cost with its 80 % band, say what each kind of budget would have to be, and what could be saved."""
    from arbiter.cli.planning.cost_lines import lines
    from arbiter.planning.saved import plan_to_dict

    plan = planned(use_cases, traffic, policy, catalog, ledger)
    if as_json:
        values = plan_to_dict(plan)
        show_json({name: values[name] for name in SHOWN})
        return
    show(lines(plan))
