"""A simulation as lines for the terminal, and as one self-contained page."""

from dataclasses import replace

from arbiter_training.report.document import document, note, section
from arbiter_training.report.drawing import escape
from arbiter_training.report.tables import table
from arbiter_training.report.wording import shortened, without_prefixes
from arbiter_training.simulator.chart import Frame, Marker, chart
from arbiter_training.simulator.compare import STATIC, Played, Simulation, Spread

MOST_LETTERS = 26


def lines(found: Simulation) -> list[str]:
    """Say what was found to those who stay in a terminal."""
    width = max(len(row.name) for row in found.rows)
    head = f"{found.scenario.name}: {found.seeds} streams of {found.requests} requests, a dollar worth "
    head += f"{found.quality_per_usd:.3g} quality points; against the offline policy on the same streams"
    rows = [
        f"  {row.name:<{width}}  utility {row.utility.value:.4f}  {_against(row.gain, row.name)}, in the last third "
        f"{row.late_utility.value:.4f}  {_against(row.late_gain, row.name)}, ${row.cost_usd.value:.3g} a request"
        for row in found.rows
    ]
    if found.scenario.budget_usd is not None:
        rows += [
            f"  {row.name:<{width}}  spends {row.cost_usd.value / found.scenario.budget_usd:.3f} of the budget"
            for row in found.rows[:-1]
        ]
    rows += [f"  {_idle(found)}"] if found.idle else []
    return [head, *rows, verdict(found)]


def _idle(found: Simulation) -> str:
    return f"{' and '.join(found.idle)} did not play: who knows no budget has no part in a stream that is paced"


def _against(gain: Spread, name: str) -> str:
    return "(the reference)" if name == STATIC else gain.text(sign=True)


def verdict(found: Simulation) -> str:
    """Say in a sentence whether learning online would have helped."""
    served = found.rows[0]
    if served.gain.low > 0.0:
        return f"Learning online would have helped: {served.gain.text(sign=True)} utility a request"
    if served.gain.high < 0.0:
        return f"Learning online would have cost: {served.gain.text(sign=True)} utility a request"
    return f"Learning online would have made no difference that shows: {served.gain.text(sign=True)} utility a request"


def render(found: Simulation) -> str:
    """Give one HTML document; nothing in it is fetched from anywhere."""
    names, served = without_prefixes(found.models), found.rows[0]
    frame = Frame(requests=found.requests, markers=_markers(found))
    policies = [(shortened(row.name, MOST_LETTERS), row) for row in found.rows]
    models = [(names[model], served.shares[:, k]) for k, model in enumerate(found.models)]
    share = [("bandit's share", served.bandit_share)]
    head = ["Policy", "Utility", "Against the offline policy", "Last third", "Against it", "Quality", "Cost a request"]
    whole = replace(frame, low=0.0, high=1.0)
    sections = [
        f'<header><h1>Simulation: {escape(found.scenario.name)}</h1><p class="verdict">{escape(verdict(found))}.</p>'
        f'<ul class="notes"><li>{escape(_about(found))}</li></ul></header>',
        section("Policies", table("Policies", head, [_row(row) for row in found.rows])),
        section(
            "Utility gained over the offline policy, added up request by request",
            note("What a policy is ahead by at each request of the stream; down is worse than the offline policy.")
            + chart([(name, row.lead) for name, row in policies], frame),
        ),
        section("Utility along the stream", chart([(name, row.curve) for name, row in policies], frame)),
        *_spending(found, policies, frame),
        section("Traffic of each model, as configured", chart(models, whole)),
        section("Part of the traffic that the bandit decides", chart(share, whole)),
    ]
    return document(f"Simulation: {found.scenario.name}", "".join(sections), "")


def _spending(found: Simulation, policies: list[tuple[str, Played]], frame: Frame) -> list[str]:
    budget = found.scenario.budget_usd
    if budget is None:
        return []
    spent = [(name, row.spent / budget) for name, row in policies[:-1]]  # the best model keeps to no budget
    return [section("Spent so far, as a multiple of the budget so far", chart(spent, frame))]


def _markers(found: Simulation) -> tuple[Marker, ...]:
    s, names = found.scenario, without_prefixes(found.models)
    told = [Marker(at=e.at, text=f"{names[e.model]}: quality x {e.factor:g}") for e in s.quality]
    told += [Marker(at=e.at, text=f"{names[e.model]}: price x {e.factor:g}") for e in s.prices]
    told += [Marker(at=e.start, text=f"{names[e.model]} out") for e in s.outages]
    told += [Marker(at=e.end, text=f"{names[e.model]} back") for e in s.outages]
    told += [Marker(at=s.traffic.at, text=f"'{s.traffic.holds}' x {s.traffic.factor:g}")] if s.traffic.holds else []
    told += [Marker(at=s.newcomer.at, text=f"{names[s.newcomer.model]} added")] if s.newcomer.model else []
    return tuple(told)


def _about(found: Simulation) -> str:
    s = found.scenario
    told = [
        f"{found.seeds} streams of {found.requests} judged requests, each in an order of its own",
        f"{s.feedback_rate:.0%} of the answers judged, {s.delay} requests later",
        f"a dollar is worth {found.quality_per_usd:.3g} quality points",
    ]
    told += [f"{e.model} of {e.factor:g} times its quality from {e.at:.0%} on, unannounced" for e in s.quality]
    told += [f"{e.model} at {e.factor:g} times its price from {e.at:.0%} on" for e in s.prices]
    told += [f"{e.model} out from {e.start:.0%} to {e.end:.0%}" for e in s.outages]
    if s.traffic.holds:
        told.append(
            f"requests with '{s.traffic.holds}' weigh {s.traffic.factor:g} times as much from {s.traffic.at:.0%} on"
        )
    if s.newcomer.model:
        told.append(f"{s.newcomer.model} added at {s.newcomer.at:.0%} with {s.newcomer.scored} judged answers")
    if s.budget_usd is not None:
        told.append(f"paced to ${s.budget_usd:g} a request")
    if found.bound > 0.0:
        told.append(f"constraints such as the risk floor leave out a candidate on {found.bound:.0%} of the requests")
    told += [_idle(found)] if found.idle else []
    return "; ".join(told) + ". Intervals are over the streams. Rivals know of no constraints."


def _row(row: Played) -> str:
    reference = row.name == STATIC
    gains = ["the reference", ""] if reference else [row.gain.text(sign=True), row.late_gain.text(sign=True)]
    cells = [row.utility.text(), gains[0], row.late_utility.text(), gains[1], row.quality.text()]
    cells.append(f"${row.cost_usd.value:.3g}")
    return f'<tr><th scope="row">{escape(row.name)}</th>' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"
