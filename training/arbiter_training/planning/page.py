"""A plan as one self-contained page that a manager can read."""

from collections.abc import Mapping, Sequence

from arbiter.planning import Plan, Recommendation
from arbiter.planning.decisions import decisions
from arbiter.planning.wording import between, usd
from arbiter_training.planning.charts import band_chart, bar_chart
from arbiter_training.planning.tables import (
    alternatives_table,
    assumptions_table,
    budgets_table,
    candidates_table,
    costs_table,
    inputs_table,
    outages_table,
    patterns_table,
    rows_table,
    savings_table,
    strategy_table,
    upgrades_table,
)
from arbiter_training.report.document import definitions, details, document, note, section
from arbiter_training.report.drawing import escape

NUMBERS: Mapping[str, str] = {
    "80 % band": "What the cost stays within with a probability of four in five, if the file's volumes and limits "
    "hold: from the error of the mean cost of a request, its drift from period to period, the error of the volume, and "
    "the chance of which requests come.",
    "Confidence": "Probability that the model keeps the quality floor and is worth more than its best rival, given the "
    "errors of the estimates. Ratings of a catalog are not measurements: confidence grows with judged answers.",
    "Availability": "Probability that at least one model of the chain answers, from the vendors' promises, with a "
    "share of the downtime common to all models of a vendor. Your own network and software come on top.",
    "Basis of a saving": "Measured on the traffic; declared in the file; or the range of the literature, which is no "
    "measurement of this traffic. Savings compound: each works on what the others left. Not counted is what lacks its "
    "prerequisite, or is not known.",
    "Herfindahl": "Sum of the squared shares of the spend: 1 is one vendor, 1/n are n equal ones.",
    "Net over the plan": "Money saved, and quality where it is valued, less the work of the move, with its 80 % band.",
    "Given up": "A limit that no model kept together with the others. What would keep it stands with the use case.",
}


def render_plan(plan: Plan) -> str:
    """Render a plan as one HTML document; everything from outside is escaped, and nothing is fetched."""
    sections = [_headline(plan), _decisions(plan), section("Recommendation", strategy_table(plan)), _cost(plan)]
    sections += [_savings(plan), section("Budgets", budgets_table(plan)), _resilience(plan), _vendors(plan)]
    sections += [_upgrades(plan), section("How each choice was made", "".join(map(_choice, plan.recommendations)))]
    sections += [_basis(plan)]
    sections += [section("Notes", _listed(plan.notes))] if plan.notes else []
    return document(f"Plan: {plan.name}", "".join(sections), definitions(NUMBERS))


def sentence(plan: Plan) -> str:
    """Say the plan in a sentence."""
    cases = f"{len(plan.recommendations)} use case{'s' if len(plan.recommendations) != 1 else ''}"
    whole = plan.projection.total()
    given_up = sum(bool(made.relaxed) for made in plan.recommendations)
    tail = " Not every limit can be kept." if given_up else " Every limit is kept."
    if 0 < given_up < len(plan.recommendations):
        tail = f" In {given_up} of them not every limit can be kept."
    money = f"{between(whole, plan.months)} a month, {usd(whole.mean)} over {plan.months} months from {plan.start}"
    return f"Serving {cases} costs {money}.{tail}"


def _headline(plan: Plan) -> str:
    saved = sum(found.combined * found.usd_per_month for found in plan.savings)
    proved = sum(found.evidenced * found.usd_per_month for found in plan.savings)
    first = plan.vendors.vendors[0]
    short = [found.use_case for found in plan.resilience if not found.reached]
    cards = {
        "Could be saved a month": (usd(saved), f"{usd(proved)} of it measured or declared"),
        "Largest vendor": (f"{first.share:.0%}", f"{first.vendor}: risk {first.risk}, look again on {first.review}"),
        "As available as wanted": (
            f"{len(plan.resilience) - len(short)} of {len(plan.resilience)}",
            f"not: {', '.join(short)}" if short else "every use case",
        ),
        "Upgrades due": (str(len(plan.roadmap)), plan.roadmap[0].reason if plan.roadmap else "nothing is"),
    }
    drawn = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(small)}</small></dd></div>"
        for name, (value, small) in cards.items()
    )
    source = plan.source or "no traffic: from the file and the catalog alone"
    return (
        f'<header><h1>Plan: {escape(plan.name)}</h1><p class="about">{escape(source)} · made {plan.made}</p>'
        f'<p class="kicker">Strategy</p><p class="verdict">{escape(sentence(plan))}</p>'
        f'<dl class="figures">{drawn}</dl></header>\n'
    )


def _decisions(plan: Plan) -> str:
    found = decisions(plan)
    return section(
        "What to decide",
        _listed([text[:1].upper() + text[1:] for text in found])
        if found
        else note("Nothing: the plan may go ahead as it stands."),
    )


def _cost(plan: Plan) -> str:
    beside = None if plan.forecast is None else plan.forecast.months
    told = "Expected cost per month in its 80 % band."
    if plan.forecast is not None:
        told += f" Dashed: what {plan.forecast.weeks} weeks of the ledger's spend say of the same months."
    if plan.backtests:
        held = f"{sum(each.inside for each in plan.backtests)} of {len(plan.backtests)}"
        told += f" Fitted on the first half of the traffic, the band holds the second half's cost for {held} models."
    drawing = band_chart(plan.projection.by_month(), "Cost per month", beside)
    cases = sorted(plan.projection.by_use_case().items(), key=lambda item: -item[1].mean)
    bars = [(name, money.mean, f"{between(money, plan.months)} a month") for name, money in cases]
    drawing += bar_chart(bars, "Cost by use case", lead=1)
    rows = details("By use case, model and vendor", costs_table(plan))
    returns = "".join(
        note(
            f"Routing {each.use_case} by {each.policy} saves {usd(each.saved_usd)} over the plan against {each.single} "
            f"for {usd(each.effort_usd)} of work; quality {each.quality_change:+.3f}; "
            + ("it beats every single model." if each.beats_all else "it is not shown to beat every single model.")
        )
        for each in plan.returns
    )
    return section("Cost", f"{note(told)}<figure>{drawing}</figure>{returns}{rows}")


def _savings(plan: Plan) -> str:
    sums: dict[str, float] = {}
    for found in plan.savings:
        for row in found.rows:
            if row.met:
                sums[row.technique] = sums.get(row.technique, 0.0) + row.usd_per_month
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    total = sum(found.usd_per_month for found in plan.savings)
    drawing = note("Nothing is counted: the prerequisites are not met, or not known.")
    if ranked and total > 0:
        bars = [(name.replace("_", " "), saved, f"{usd(saved)} a month, {saved / total:.1%}") for name, saved in ranked]
        drawing = f"<figure>{bar_chart(bars, 'Savings by technique', lead=1)}</figure>"
    told = "What each technique adds to those before it, all use cases together."
    tables = "".join(
        details(f"{each.use_case}: {each.combined:.1%} together", savings_table(each)) for each in plan.savings
    )
    return section("What could be saved", note(told) + drawing + tables)


def _resilience(plan: Plan) -> str:
    told = "A vendor is taken down at the busiest time of the week; the chain's other vendors stay up."
    patterns = "".join(
        details(f"{found.use_case}: {sum(p.chosen for p in found.patterns)} of eight patterns", patterns_table(found))
        for found in plan.resilience
    )
    return section("Staying up", note(told) + outages_table(plan) + patterns)


def _vendors(plan: Plan) -> str:
    found = plan.vendors
    bars = [(v.vendor, v.share, f"{v.share:.1%}, risk {v.risk}, review on {v.review}") for v in found.vendors]
    told = f"Herfindahl {found.herfindahl:.2f}, as concentrated as {found.effective_vendors:.1f} equal vendors."
    if found.over_concentrated:
        told += " Over-concentrated."
    told += f" Wanted: {found.wanted_vendors} vendors with a share of their own; used: {found.used_vendors}."
    drawing = f"<figure>{bar_chart(bars, 'Share of the spend by vendor', lead=1)}</figure>"
    return section("Vendors", f"{note(told)}{drawing}{alternatives_table(plan)}")


def _upgrades(plan: Plan) -> str:
    if not plan.upgrades:
        told = "No incumbent is named, and no recommended model retires within the plan."
        return section("Upgrades", note(told))
    road = [
        [str(u.due or "any time"), f"{u.use_case}: {u.incumbent} > {u.candidate}", str(u.urgency), u.reason]
        for u in plan.roadmap
    ]
    roadmap = rows_table("Roadmap", ["Due", "What", "Urgency", "Why"], road) if road else note("Nothing is due.")
    return section("Upgrades", roadmap + details("Every candidate against its incumbent", upgrades_table(plan)))


def _choice(made: Recommendation) -> str:
    said = [*made.rationale]
    said += [f"gap in {gap.capability}: {gap.severity}, {gap.action} ({', '.join(gap.models)})" for gap in made.gaps]
    for each in made.relaxed:
        said.append(f"{each.limit} given up: wanted {each.wanted}, got {each.got}; {'; or '.join(each.to_keep)}")
    return details(f"{made.use_case}: {made.primary}", _listed(said) + candidates_table(made))


def _basis(plan: Plan) -> str:
    """Say what was asked for and what was assumed: who doubts the plan begins here."""
    told = "The file asks for this. Lengths that it does not declare were taken from the traffic."
    assumed = note("Nobody's data give these; [assumptions] in the file changes them.") + assumptions_table(plan)
    return section("What it rests on", note(told) + inputs_table(plan) + details("What was assumed", assumed))


def _listed(texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="notes">{items}</ul>'
