"""The tables of a plan's page. Every text from outside is escaped here, where it meets the markup."""

import dataclasses
from collections.abc import Iterable, Sequence

from arbiter.planning import Limits, Plan, Recommendation, TokenCount, UseCase
from arbiter.planning.resilience import Resilience
from arbiter.planning.savings import Savings
from arbiter.planning.wording import availability, band, change, paid_back, usd
from arbiter_training.report.drawing import escape
from arbiter_training.report.tables import table


def rows_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table of plain texts: the first column names the row, numbers do not wrap."""
    return table(caption, head, (_row(cells) for cells in rows))


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    return f'<tr><th scope="row">{escape(first)}</th>{"".join(_cell(cell) for cell in rest)}</tr>'


def _cell(text: str) -> str:
    number = text[:1].isdigit() or text[:2] in ("-$", "+0", "-0") or text[:1] == "$"
    return f'<td class="{"number" if number and len(text) < 40 else ""}">{escape(text)}</td>'


def strategy_table(plan: Plan) -> str:
    """Give what serves each use case."""
    head = ["Use case", "Served by", "Then", "Cost a month", "Confidence", "Availability", "Given up"]
    return rows_table("Recommendation", head, (_strategy(plan, made) for made in plan.recommendations))


def _strategy(plan: Plan, made: Recommendation) -> list[str]:
    served = made.primary if made.policy is None else f"routing by {made.policy}; single: {made.primary}"
    given_up = "; ".join(f"{each.limit}: {each.got} instead of {each.wanted}" for each in made.relaxed) or "nothing"
    return [
        made.use_case,
        served,
        ", ".join(made.fallbacks) or "nobody",
        band(plan.projection.of(made.use_case).total(), plan.months),
        f"{str(made.confidence_level).replace('_', ' ')} ({made.confidence:.2f})",
        f"{availability(made.availability)}, {availability(made.wanted_availability)} wanted",
        given_up,
    ]


def costs_table(plan: Plan) -> str:
    """Give the cost by use case, model and vendor, with its band."""
    whole = plan.projection
    rows = []
    for what, sums in (
        ("use case", whole.by_use_case()),
        ("model", whole.by_model()),
        ("vendor", whole.by_vendor()),
    ):
        for name, money in sorted(sums.items(), key=lambda item: -item[1].mean):
            rows.append([name, what, usd(money.mean), f"{usd(money.low)} to {usd(money.high)}"])
    return rows_table("Cost of the whole plan", ["Of", "", "Cost", "80 % band"], rows)


def budgets_table(plan: Plan) -> str:
    """Give what each kind of budget would have to be."""
    rows = [
        [str(b.kind).replace("_", " "), "not known" if b.usd_per_month is None else usd(b.usd_per_month), b.text]
        for b in plan.budgets
    ]
    for each in plan.break_evens:
        even = "never" if each.break_even_mtok is None else f"from {each.break_even_mtok:,.0f} million tokens on"
        text = (
            f"pays {even}; {each.used_mtok:,.0f} million are used: buying it costs {change(-each.saving_usd)} a month"
        )
        rows.append([f"reservation of {each.model}", usd(each.usd_per_month), text])
    return rows_table("Budgets", ["Kind", "A month", "What it does"], rows)


def savings_table(found: Savings) -> str:
    """Give the techniques of one use case."""
    rows = []
    for row in found.rows:
        alone = f"{row.alone:.1%}"
        if row.alone_low != row.alone_high:
            alone = f"{row.alone_low:.0%} to {row.alone_high:.0%}"
        adds = usd(row.usd_per_month) if row.met else "not counted"
        rows.append(
            [
                _named(row.technique),
                alone,
                adds,
                f"{row.days:g} days",
                paid_back(row.payback_months),
                str(row.basis),
                row.why,
            ]
        )
    head = ["Technique", "Saves alone", "Adds a month", "Effort", "Paid back in", "Basis", "What was looked at"]
    return rows_table(f"Savings of {found.use_case}", head, rows)


def outages_table(plan: Plan) -> str:
    """Give the simulated outages."""
    rows = [row for found in plan.resilience for row in _outages(found)]
    head = ["Use case", "Vendor out", "Requests", "Lost with the chain", "Lost without", "Served by", "That costs"]
    return rows_table("Simulated outages", head, rows)


def _outages(found: Resilience) -> list[list[str]]:
    return [
        [
            found.use_case,
            f"{each.vendor} for {each.hours:g} h",
            f"{each.requests:,.0f}",
            f"{each.lost:,.1f}",
            f"{each.lost_alone:,.1f}",
            each.serves or "nobody",
            change(each.extra_usd) if each.blind_s else "nothing: the primary is elsewhere",
        ]
        for each in found.outages
    ]


def patterns_table(found: Resilience) -> str:
    """Give the eight patterns of one use case, the chosen ones first."""
    rows = [
        [_named(p.pattern), "chosen" if p.chosen else "not needed", usd(p.extra_usd_per_month), p.why]
        for p in sorted(found.patterns, key=lambda p: not p.chosen)
    ]
    return rows_table(f"Patterns of {found.use_case}", ["Pattern", "", "Adds a month", "Why"], rows)


def alternatives_table(plan: Plan) -> str:
    """Give who could take over at another vendor."""
    rows = []
    for each in plan.vendors.alternatives:
        if each.model is None:
            rows.append([each.use_case, f"{each.primary} ({each.vendor})", "nobody keeps the same limits", "", ""])
            continue
        moved = [change(each.usd_per_month_change), f"{each.quality_change:+.3f}"]
        rows.append([each.use_case, f"{each.primary} ({each.vendor})", f"{each.model} ({each.other_vendor})", *moved])
    head = ["Use case", "Now", "At another vendor", "A month", "Quality"]
    return rows_table("Alternatives", head, rows)


def upgrades_table(plan: Plan) -> str:
    """Give candidates against incumbents."""
    rows = [
        [
            u.use_case,
            f"{u.incumbent} > {u.candidate}",
            str(u.urgency).replace("_", " "),
            str(u.due or "any time"),
            f"{u.quality_gain:+.2f}",
            change(u.usd_per_month_change),
            f"{usd(u.net_benefit)} [{usd(u.net_low)}, {usd(u.net_high)}]",
            u.reason,
        ]
        for u in plan.upgrades
    ]
    head = ["Use case", "Move", "Urgency", "Due", "Quality", "A month", "Net over the plan", "Why"]
    return rows_table("Upgrades", head, rows)


def candidates_table(made: Recommendation) -> str:
    """Give all models on one use case."""
    rows = [
        [
            row.model,
            row.vendor,
            f"{row.quality:.2f} +- {row.quality_se:.2f}",
            f"{row.judged:,}" if row.judged else "none",
            "not known" if row.cost_usd is None else usd(row.cost_usd),
            f"{row.latency_s:.2f} s",
            "; ".join(row.missed) or "keeps every limit",
        ]
        for row in made.candidates
    ]
    head = ["Model", "Vendor", "Quality", "Judged", "A request", "Latency at the limit's share", "Limits"]
    return rows_table(f"Models on {made.use_case}", head, rows)


def inputs_table(plan: Plan) -> str:
    """Give what the file asks for, use case by use case."""
    head = [
        "Use case",
        "Workload",
        "Requests a day",
        "Grows a month",
        "Tokens in",
        "Tokens out",
        "Criticality",
        "Limits",
    ]
    return rows_table("What was asked for", head, map(_input, plan.spec.use_cases))


def _input(case: UseCase) -> list[str]:
    volume = case.volume
    return [
        case.name,
        _named(case.workload),
        f"{volume.per_day:,.10g} +- {volume.error:.0%}",
        f"{volume.growth_per_month:.1%}",
        *("from the traffic" if each is None else _tokens(each) for each in (case.input_tokens, case.output_tokens)),
        str(case.criticality),
        "; ".join(_limits(case.limits)) or "none",
    ]


def _tokens(count: TokenCount) -> str:
    return f"{count.mean:,.0f}" + (f" (sd {count.sd:,.0f})" if count.sd else "")


def _limits(limits: Limits) -> list[str]:
    """Give the limits that are set, by their keys in the file; the level of the latency stands with it."""
    said = []
    for field in dataclasses.fields(limits):
        value = getattr(limits, field.name)
        if field.name == "latency_quantile" or value == field.default:
            continue
        text = ", ".join(sorted(map(str, value))) if isinstance(value, frozenset) else f"{value}".removesuffix(".0")
        level = f" for {limits.latency_quantile:.0%}" if field.name == "max_latency_s" else ""
        said.append(f"{field.name} = {text}{level}")
    return said


def assumptions_table(plan: Plan) -> str:
    """Give every number of ``[assumptions]``."""
    rows = [
        [
            _named(field.name),
            "not told" if (value := getattr(plan.spec.assumptions, field.name)) is None else f"{value:g}",
        ]
        for field in dataclasses.fields(plan.spec.assumptions)
    ]
    return rows_table("What was assumed", ["Assumption", "Value"], rows)


def _named(name: str) -> str:
    return str(name).replace("_", " ")
