"""`arbiter plan fallback`."""

from typing import TYPE_CHECKING

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned

if TYPE_CHECKING:
    from arbiter.planning.resilience import Resilience


def fallback(
    use_cases: UseCases,
    traffic: Traffic = None,
    policy: Policy = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None:
    """Say who follows whom, how available the chains are, which patterns they need, and what an outage would do."""
    from arbiter.cli.planning.fallback_lines import lines

    plan = planned(use_cases, traffic, policy, catalog)
    pairs = list(zip(plan.recommendations, plan.resilience, strict=True))
    if as_json:
        show_json([{"chain": made.chain, **_fields(found)} for made, found in pairs])
        return
    for made, found in pairs:
        show([*lines(made, found), ""])


def _fields(found: "Resilience") -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(found), "reached": found.reached}
