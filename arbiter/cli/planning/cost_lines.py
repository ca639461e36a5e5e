"""What `arbiter plan cost` says to people."""

from arbiter.cli.planning.table import rows
from arbiter.planning import Plan
from arbiter.planning.savings import Savings
from arbiter.planning.wording import band, paid_back, usd


def lines(plan: Plan) -> list[str]:
    """Say what it costs, what it would have to be given, and what could be saved."""
    said = [*_projection(plan), *_budgets(plan), *_returns(plan), *_forecast(plan), *_backtests(plan), *_savings(plan)]
    return [*said, *(f"note: {note}" for note in plan.notes)]


def _projection(plan: Plan) -> list[str]:
    whole = plan.projection
    said = [f"{plan.name}: {band(whole.total())} in {plan.months} months from {plan.start} (80 % band)"]
    for title, sums in (
        ("use case", whole.by_use_case()),
        ("model", whole.by_model()),
        ("vendor", whole.by_vendor()),
        ("month", whole.by_month()),
    ):
        ranked = sums.items() if title == "month" else sorted(sums.items(), key=lambda item: -item[1].mean)
        said += rows((title, "$", "10 %", "90 %", ""), [(n, *map(usd, (m.mean, m.low, m.high)), "") for n, m in ranked])
    return said


def _budgets(plan: Plan) -> list[str]:
    said = ["", "budget a month"]
    said += rows(
        ("kind", "$", ""),
        [(b.kind, "-" if b.usd_per_month is None else usd(b.usd_per_month), b.text) for b in plan.budgets],
    )
    for each in plan.break_evens:
        verb = f"saves {usd(each.saving_usd)}" if each.saving_usd >= 0 else f"loses {usd(-each.saving_usd)}"
        even = "never" if each.break_even_mtok is None else f"from {each.break_even_mtok:,.0f} million tokens on"
        said.append(
            f"  reservation of {each.model}: {usd(each.usd_per_month)} for {each.mtok_per_month:,.0f} million tokens "
            f"pays {even}; {each.used_mtok:,.0f} are used, it {verb} a month"
        )
    return said


def _returns(plan: Plan) -> list[str]:
    return [
        f"  routing of {each.use_case} by {each.policy} against {each.single}: {usd(each.saved_usd)} over the plan for "
        f"{usd(each.effort_usd)} of work, return {each.roi:+.0%}, quality {each.quality_change:+.3f}; "
        + ("beats every single model" if each.beats_all else "not shown to beat every single model")
        for each in plan.returns
    ]


def _forecast(plan: Plan) -> list[str]:
    found = plan.forecast
    if found is None:
        return []
    months = [(name, *map(usd, (m.mean, m.low, m.high)), "") for name, m in found.months.items()]
    head = f"forecast from {found.weeks} weeks of the ledger: {usd(found.usd_per_day)} a day"
    head += f", {found.growth_per_week:+.1%} a week" if found.growth_per_week else ", no sure trend"
    return ["", head, *rows(("month", "$", "10 %", "90 %", ""), months)]


def _backtests(plan: Plan) -> list[str]:
    tried = plan.backtests
    if not tried:
        return []
    head = "fitted on the first half of the traffic, the band holds the cost of the second for "
    missed = [
        f"  {b.use_case}: {b.model} cost {usd(b.spent_usd)}, band {usd(b.low_usd)} to {usd(b.high_usd)}"
        for b in tried
        if not b.inside
    ]
    return ["", f"{head}{sum(b.inside for b in tried)} of {len(tried)} models and use cases", *missed]


def _savings(plan: Plan) -> list[str]:
    return [line for found in plan.savings for line in _one(found)]


def _one(found: Savings) -> list[str]:
    head = f"savings of {found.use_case}, {usd(found.usd_per_month)} a month: {found.combined:.0%} together"
    if found.combined_low != found.combined_high:
        head += f" ({found.combined_low:.0%} to {found.combined_high:.0%}; {found.evidenced:.0%} measured or declared)"
    body = [
        (
            row.technique,
            f"{row.alone:.0%}" if row.alone_low == row.alone_high else f"{row.alone_low:.0%}-{row.alone_high:.0%}",
            usd(row.usd_per_month) if row.met else "-",
            f"{row.days:g} d",
            paid_back(row.payback_months),
            row.basis,
            row.why if row.met else f"not counted: {row.why}",
        )
        for row in found.rows
    ]
    return ["", head, *rows(("technique", "alone", "adds $", "effort", "paid back", "basis", ""), body)]
