"""`arbiter plan compare`."""

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned


def compare(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Hold every model of the catalog against every use case: quality, cost, latency, and the limits it misses."""
    from arbiter.cli.planning.compare_lines import lines

    plan = planned(use_cases, traffic, policy, catalog)
    if as_json:
        show_json({made.use_case: made.candidates for made in plan.recommendations})
        return
    for made in plan.recommendations:
        show([*lines(made), ""])
