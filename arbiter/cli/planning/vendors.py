"""`arbiter plan vendors`."""

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned


def vendors(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Say how much hangs on each vendor, who could take over at the same limits, and when to look again."""
    from arbiter.cli.planning.vendors_lines import lines
    from arbiter.planning.saved import plan_to_dict

    plan = planned(use_cases, traffic, policy, catalog)
    if as_json:
        show_json(plan_to_dict(plan)["vendors"])
    else:
        show(lines(plan.vendors))
