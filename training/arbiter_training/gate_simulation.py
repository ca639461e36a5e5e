"""How often the gate promotes: false promotions where nothing is better, and power against the size of the log.

``python -m arbiter_training.gate_simulation TABLE.md`` measures both and writes the tables.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import LoggedFeedback
from arbiter_training.gate import GateRules, decide
from arbiter_training.gate_checks import GateEvidence
from arbiter_training.sequential import LookPlan

FloatArray = NDArray[np.float64]

KINDS, MODELS = 3, ("small", "middle", "large")
LEVEL = 0.7
"""Mean quality of every model on every kind of request, save where the effect is."""

EXPLORATION = 0.3
"""Share of traffic that the champion's log gives to all models alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSetting:
    """One experiment.

    Attributes
    ----------
    method : of :class:`~arbiter_training.sequential.LookPlan`.
    effect : true utility of the challenger minus that of the champion, per request.
    margin : of the gate.
    units : requests at the last look.
    looks : number of looks, evenly spaced.
    """

    method: str = "spending"
    effect: float = 0.0
    margin: float = 0.0
    units: int = 5000
    looks: int = 5

    @property
    def rules(self) -> GateRules:
        """The gate: utility alone decides, by the doubly robust estimate."""
        plan = LookPlan(planned_units=self.units, method=self.method)
        return GateRules(looks=plan, margin=self.margin, max_drop=None, estimators=("dr",))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRate:
    """What an experiment gave.

    Attributes
    ----------
    setting : the experiment.
    runs : simulated logs.
    promoted : share of them in which the challenger was promoted at some look.
    mean_units : requests until the promotion, or until the last look.
    """

    setting: GateSetting
    runs: int
    promoted: float
    mean_units: float


def draw_evidence(setting: GateSetting, rng: np.random.Generator) -> GateEvidence:
    """Draw a log of the champion with exploration; the challenger differs from it on one kind of request of three.

    Binary quality; all models are equally good, save that on that kind the challenger's choice is better by three
    times the effect. The reward model is too low by a tenth on one model.
    """
    n, k = setting.units, len(MODELS)
    kind, rows = rng.integers(0, KINDS, n), np.arange(n)
    quality = np.full((KINDS, k), LEVEL)
    quality[2, 2] += KINDS * setting.effect
    champion = np.eye(k)[[0, 1, 1]][kind]
    challenger = np.eye(k)[[0, 1, 2]][kind]
    logging = (1.0 - EXPLORATION) * champion + EXPLORATION / k
    action = (rng.random(n)[:, None] > logging.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    reward = (rng.random(n) < quality[kind, action]).astype(np.float64)
    outcomes = {"quality": reward, "cost_usd": np.full(n, 0.001)}
    log = LoggedFeedback.from_bandit(action, outcomes, logging[rows, action], k)
    q_hat = np.full((n, k), LEVEL) - np.array([0.0, 0.0, 0.1])
    return GateEvidence(
        log=log,
        models=MODELS,
        challenger=challenger,
        champion=champion,
        q_hat={"quality": q_hat, "cost_usd": np.full((n, k), 0.001)},
    )


def first_requests(evidence: GateEvidence, n: int) -> GateEvidence:
    """Give the evidence as it was after the first ``n`` requests."""
    rows = np.arange(n)
    return GateEvidence(
        log=evidence.log.select(rows),
        models=evidence.models,
        challenger=evidence.challenger[:n],
        champion=evidence.champion[:n],
        q_hat={name: table[:n] for name, table in evidence.q_hat.items()},
    )


def run_gate(setting: GateSetting, seed: int) -> int:
    """Give the number of requests at which the challenger was promoted; 0 where it never was."""
    evidence = draw_evidence(setting, np.random.default_rng([seed, setting.units]))
    earlier: tuple[int, ...] = ()
    for look in range(1, setting.looks + 1):
        units = setting.units * look // setting.looks
        if decide(first_requests(evidence, units), setting.rules, earlier).promote:
            return units
        earlier = (*earlier, units)
    return 0


def promotion_rate(setting: GateSetting, runs: int) -> PromotionRate:
    """Run the experiment with seeds 0 to ``runs`` - 1."""
    stops = np.array([run_gate(setting, seed) for seed in range(runs)])
    return PromotionRate(
        setting=setting,
        runs=runs,
        promoted=float((stops > 0).mean()),
        mean_units=float(np.where(stops > 0, stops, setting.units).mean()),
    )


def power_curve(
    sizes: tuple[int, ...], effect: float, method: str = "spending", runs: int = 200
) -> tuple[PromotionRate, ...]:
    """Give the chance of promoting a challenger that is better by ``effect``, for each size of the log."""
    return tuple(promotion_rate(GateSetting(method=method, effect=effect, units=n), runs) for n in sizes)


def markdown(rates: list[PromotionRate]) -> str:
    """Give the results as a Markdown table."""
    lines = ["| looks | margin | true diff. | requests | runs | promoted | mean requests |", "|---|" + "---:|" * 6]
    for rate in rates:
        s = rate.setting
        lines.append(
            f"| {s.looks}, {s.method} | {s.margin:g} | {s.effect:+g} | {s.units} | {rate.runs} | {rate.promoted:.1%} | "
            f"{rate.mean_units:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main(path: Path) -> None:
    """Measure false promotions (1,000 runs of five looks) and power (200 runs), and write both tables to ``path``."""
    methods = ("spending", "anytime", "fixed")
    null = [promotion_rate(GateSetting(method=m), 1000) for m in methods]
    null += [promotion_rate(GateSetting(method=m, margin=0.02, effect=-0.02), 1000) for m in methods[:2]]
    power = [rate for m in methods[:2] for rate in power_curve((1000, 2000, 5000, 10000, 20000), 0.03, m)]
    path.write_text(markdown(null) + "\n" + markdown(power), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
