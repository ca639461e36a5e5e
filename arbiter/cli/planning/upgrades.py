"""`arbiter plan upgrades`."""

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned


def upgrades(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Hold candidates against the incumbents: quality, cost, retirement, net benefit; and a roadmap by date."""
    from arbiter.cli.planning.upgrades_lines import lines
    from arbiter.planning.saved import plan_to_dict

    plan = planned(use_cases, traffic, policy, catalog)
    if as_json:
        values = plan_to_dict(plan)
        show_json({name: values[name] for name in ("upgrades", "roadmap")})
    else:
        show(lines(plan))
