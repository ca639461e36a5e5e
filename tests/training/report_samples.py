"""Synthetic evaluation reports of the kinds that users will meet."""

from collections.abc import Mapping

import numpy as np

from arbiter_training.evaluation.evidence import (
    EstimatedLogging,
    GammaBound,
    LogEvidence,
    ModelEvidence,
    PolicyEvidence,
    Sensitivity,
)
from arbiter_training.evaluation.records import (
    EvaluationReport,
    Frontier,
    FrontierPoint,
    LogSummary,
    Measured,
    Move,
    PolicyRow,
    Ranked,
    Score,
    Segment,
)

LLAMA, MISTRAL, GEMINI = "llama-3.1-8b", "mistral-large", "gemini-2.5-pro"
THREE = {LLAMA: (2.86e-5, 0.7931), MISTRAL: (5.27e-4, 0.9231), GEMINI: (1.52e-2, 0.9322)}
BASELINE = f"best-single ({GEMINI})"
HOSTILE = '<script>alert("x")</script>&\'\x1b[31m'


def measured(value: float, half: float | None, estimator: str = "dr", ess: float = 812.0) -> Measured:
    """Give an estimate with a symmetric interval."""
    low, high = (None, None) if half is None else (value - half, value + half)
    return Measured(value=value, low=low, high=high, estimator=estimator, ess=ess)


def row(
    name: str,
    point: tuple[float, float],
    against: tuple[float, float],
    shares: Mapping[str, float],
    halves: tuple[float, float] = (0.008, 0.02),
    estimator: str = "dr",
    ess: float = 812.0,
    latency: float | None = None,
) -> PolicyRow:
    """Give the row of a policy at (cost, quality); ``halves`` are of quality, and of cost over the baseline's cost."""
    cost, quality = point
    costs = measured(cost, min(halves[1] * against[0], 0.5 * cost), estimator, ess)
    outcomes = {"quality": measured(quality, halves[0], estimator, ess), "cost_usd": costs}
    if latency is not None:
        outcomes["latency_s"] = measured(latency, 0.06 * latency, estimator, ess)
    differences = {
        "quality": measured(quality - against[1], halves[0], estimator, ess),
        "cost_usd": measured(cost - against[0], halves[1] * against[0], estimator, ess),
    }
    return PolicyRow(
        name=name,
        verdict="sound" if ess >= 500 else "approximate",
        reasons=() if ess >= 500 else (f"effective sample size is {ess:.0f}, below 500: the interval may cover less",),
        outcomes=outcomes,
        estimators={name: {value.estimator: value} for name, value in outcomes.items()},
        differences=differences,
        shares=shares,
        evidence=policy_evidence(ess, exact=estimator == "exact"),
    )


def refused(name: str, shares: Mapping[str, float]) -> PolicyRow:
    """Give the row of a policy that the log cannot judge."""
    reason = (
        "38.2% of the policy's traffic is outside the log (limit 1%): the logging policy was deterministic (every "
        "propensity is 1)"
    )
    empty = {"quality": None, "cost_usd": None}
    return PolicyRow(
        name=name,
        verdict="cannot be known",
        reasons=(reason, "effective sample size is 11.3 of 1824 requests (minimum 30)"),
        outcomes=empty,
        estimators={},
        differences=empty,
        shares=shares,
    )


def curve(name: str, low: tuple[float, float], high: tuple[float, float], lift: float, half: float = 0.007) -> Frontier:
    """Give a concave frontier between two points (cost, quality)."""
    t = np.linspace(0.0, 1.0, 12)
    costs = low[0] * (high[0] / low[0]) ** t
    qualities = low[1] + (high[1] - low[1]) * (1 - (1 - t) ** (2.0 + lift))
    points = [
        FrontierPoint(
            quality_per_usd=float(1 / c),
            cost_usd=float(c),
            quality=float(q),
            quality_low=q - half,
            quality_high=q + half,
        )
        for c, q in zip(costs.tolist(), qualities.tolist(), strict=True)
    ]
    return Frontier(name=name, points=tuple(points))


def summary(
    models: tuple[str, ...], kind: str = "one model per request", source: str = "traffic.parquet"
) -> LogSummary:
    """Give the data in words."""
    return LogSummary(
        source=source,
        fingerprint="sha256:5f0d3c1ab7e94d8c2e61f7b09a4c",
        n_requests=1824,
        models=models,
        kind=kind,
        protocol="Trained on 1,785 earlier requests; these 1,824 were held out, split by session, and none trained on.",
    )


def score(name: str, of: str, value: float) -> Score:
    """Give a score with an interval."""
    return Score(name=name, of=of, value=value, low=value - 0.01, high=value + 0.012)


def policy_evidence(ess: float, exact: bool = False) -> PolicyEvidence:
    """Give what a log of 1,824 requests shows of a policy."""
    counts = (3, 14, 60, 190, 420, 610, 290, 88, 21, 4)
    return PolicyEvidence(
        exact=exact, n=1824, units=1610, ess=ess, max_weight=24.6, mean_weight=1.013, mean_weight_z=0.42,
        heaviest_percent=0.071, outside=0.0, min_propensity=0.0333, model_r2=0.11,
        weights=tuple((2.0 ** (i - 5), n) for i, n in enumerate(counts)),
    )  # fmt: skip


def log_evidence(models: tuple[str, ...], estimated: EstimatedLogging | None = None) -> LogEvidence:
    """Give what a log holds of some models; one is judged less often."""
    rows = tuple(
        ModelEvidence(
            model=name, logged=100 + 7 * i, answered=100 + 7 * i - (30 if i == 1 else 0),
            mean_weight=1.0 + 0.03 * (-1) ** i, low=0.9 + 0.03 * (-1) ** i, high=1.1 + 0.03 * (-1) ** i,
        )
        for i, name in enumerate(models)
    )  # fmt: skip
    return LogEvidence(models=rows, feedback_p_value=3e-9, estimated=estimated)


def sensitive(policy: str) -> Sensitivity:
    """Give what unrecorded causes could do to a policy."""
    bounds = tuple(
        GammaBound(gamma=g, low=0.93 - 0.04 * (g - 1), high=0.93 + 0.02 * (g - 1), interval_low=0.91 - 0.04 * (g - 1),
                   interval_high=0.95 + 0.02 * (g - 1))
        for g in (1.0, 1.25, 1.5, 2.0, 3.0)
    )  # fmt: skip
    return Sensitivity(policy=policy, bounds=bounds, reference=0.905, tipping=1.62)


def one_hot(models: Mapping[str, object], chosen: str) -> dict[str, float]:
    """Give the shares of a constant policy."""
    return {name: float(name == chosen) for name in models}


def three_models(estimator: str = "dr", half: float = 0.008, **changes: object) -> EvaluationReport:
    """Give a partial log of three models on which routing pays; with truth."""
    base = THREE[GEMINI]
    shares = {LLAMA: 0.214, MISTRAL: 0.403, GEMINI: 0.383}
    rows = (
        row("models/mine", (5.78e-3, 0.9337), base, shares, (half, 0.03), estimator, latency=3.42),
        row("models/mine (frugal)", (4.6e-4, 0.9259), base, {LLAMA: 0.52, MISTRAL: 0.47, GEMINI: 0.01}, (half, 0.02),
            estimator, ess=391.0, latency=1.28),
        row(BASELINE, base, base, one_hot(THREE, GEMINI), (half, 0.02), estimator, latency=8.9),
        row("random", (5.25e-3, 0.8828), base, dict.fromkeys(THREE, 1 / 3), (half, 0.02), estimator, latency=4.1),
    )  # fmt: skip
    fields: dict[str, object] = {
        "log": summary(tuple(THREE)),
        "baseline": BASELINE,
        "rows": rows,
        "fixed_models": THREE,
        "hull": tuple(THREE.values()),
        "frontiers": (curve("models/mine", (3.2e-5, 0.797), (9.5e-3, 0.9345), 1.2),),
        "scores": (
            score("AIQ", "constant models", 0.9251),
            score("AIQ", "models/mine", 0.9287),
            score("gain over best single", "models/mine", 0.0015),
            score("APGR", "models/mine", 0.683),
            score("traffic to " + LLAMA, "models/mine", 0.214),
        ),
        "evidence": log_evidence(tuple(THREE)),
        "ranking": (
            Ranked(policy="models/mine", value=0.9337, lower=0.919, sure_lower=0.861),
            Ranked(policy=BASELINE, value=0.9322, lower=0.917, sure_lower=0.852),
            Ranked(policy="random", value=0.8828, lower=0.871, sure_lower=0.84),
        ),
        "moves": tuple(
            Move(policy="models/mine", origin=GEMINI, target=target, share=share, differences=parts)
            for target, share, parts in (
                (MISTRAL, 0.403, {"quality": measured(0.0021, 0.004), "cost_usd": measured(-5.9e-3, 2e-4)}),
                (LLAMA, 0.214, {"quality": measured(-0.0006, 0.003), "cost_usd": measured(-3.2e-3, 2e-4)}),
            )
        ),
        "truth": {
            "models/mine": {"quality": 0.9359, "cost_usd": 5.71e-3},
            "models/mine (frugal)": {"quality": 0.9112, "cost_usd": 4.5e-4},
            BASELINE: {"quality": 0.9322, "cost_usd": 1.52e-2},
        },
    }
    return EvaluationReport(**{**fields, **changes})  # type: ignore[arg-type]


def full_information() -> EvaluationReport:
    """Give a log on which every model was scored."""
    log = summary(tuple(THREE), kind="full information", source="datasets/paretobandit.parquet")
    return three_models("exact", 0.005, log=log, truth={})


def observational() -> EvaluationReport:
    """Give a log whose propensities were estimated."""
    bins = ((0.04, 0.05, 900), (0.15, 0.13, 700), (0.26, 0.29, 520), (0.44, 0.41, 300), (0.77, 0.74, 140))
    estimated = EstimatedLogging(foreseen=0.61, clipped=0.013, bins=bins)
    return three_models(
        evidence=log_evidence(tuple(THREE), estimated),
        sensitivity=(sensitive("models/mine"), sensitive("models/mine (frugal)")),
    )


def constant_wins() -> EvaluationReport:
    """Give a log on which the router lies below the mixes of constant models."""
    base = THREE[GEMINI]
    rows = (
        row("models/knn", (6.6e-4, 0.898), base, {LLAMA: 0.3, MISTRAL: 0.68, GEMINI: 0.02}),
        row(BASELINE, base, base, one_hot(THREE, GEMINI)),
    )
    return three_models(rows=rows, frontiers=(curve("models/knn", (8e-5, 0.79), (9e-3, 0.92), 0.2),), truth={})


def nothing_known() -> EvaluationReport:
    """Give a deterministic log: nothing but the logging policy can be judged."""
    rows = (
        refused("models/mine", {LLAMA: 0.5, MISTRAL: 0.5, GEMINI: 0.0}),
        refused("random", dict.fromkeys(THREE, 1 / 3)),
    )
    return three_models(rows=rows, fixed_models={}, hull=(), frontiers=(), scores=(), truth={}, ranking=(), moves=())


SIXTEEN = (
    "anthropic/claude-opus-4-20250514", "anthropic/claude-sonnet-4-20250514", "anthropic/claude-3-5-haiku-20241022",
    "openai/gpt-5", "openai/gpt-5-mini", "openai/gpt-4o-2024-11-20", "openai/gpt-4o-mini", "google/gemini-2.5-pro",
    "google/gemini-2.5-flash", "mistralai/Mixtral-8x22B-Instruct-v0.1", "meta-llama/Llama-3.1-405B-Instruct-Turbo",
    "meta-llama/Llama-3.1-8B-Instruct-Turbo", "deepseek/deepseek-v3-0324", "qwen/Qwen3-235B-A22B-Instruct-2507",
    "moonshotai/Kimi-K2-Instruct-0905", "ollama/llama3.2:3b-instruct-q4_K_M",
)  # fmt: skip

CHALLENGER = "models/production-2025-11-challenger-v3"


def sixteen_models() -> EvaluationReport:
    """Give a crowded report: long names, a free local model, a refused row, three frontiers, segments."""
    rng = np.random.default_rng(3)
    costs = np.concatenate([np.geomspace(0.03, 9e-5, 15) * rng.uniform(0.8, 1.25, 15), [0.0]])
    qualities = np.concatenate([0.905 - 0.015 * np.arange(15) ** 1.12 / 2 + rng.normal(0, 0.012, 15), [0.585]])
    fixed = {name: (float(c), float(q)) for name, c, q in zip(SIXTEEN, costs, qualities, strict=True)}
    best = max(fixed, key=lambda name: fixed[name][1])
    shares, other = (dict(zip(SIXTEEN, rng.dirichlet(np.full(16, 0.5)).tolist(), strict=True)) for _ in range(2))
    base = fixed[best]
    name = f"best-single ({best})"
    rows = (
        row(CHALLENGER, (0.0065, base[1] + 0.004), base, shares, (0.009, 0.05), latency=2.1),
        row("models/knn-40", (0.0031, base[1] - 0.021), base, other, (0.011, 0.04), ess=318.0, latency=1.4),
        refused("always-the-new-one", one_hot(fixed, SIXTEEN[3])),
        row(name, base, base, one_hot(fixed, best), latency=4.4),
        row("random", (0.0058, 0.79), base, dict.fromkeys(SIXTEEN, 1 / 16), latency=2.8),
    )
    segments = tuple(
        Segment(
            policy=CHALLENGER,
            dimension=dimension,
            value=value,
            n_requests=n,
            differences={"quality": None if n < 60 else measured(d, 0.02), "cost_usd": measured(-0.7 * base[0], 0.002)},
        )
        for dimension, value, n, d in (
            ("domain", "coding", 611, 0.012), ("domain", "medicine", 143, -0.024), ("risk", "critical", 41, 0.0),
            ("language", "de", 208, -0.003),
        )
    )  # fmt: skip
    frontiers = (
        curve("models/knn-40", (2e-4, 0.70), (0.012, base[1] - 0.015), 0.4, 0.012),
        curve(CHALLENGER, (1.5e-4, 0.72), (0.02, base[1] + 0.008), 1.0, 0.01),
        curve("shared-logistic", (1.8e-4, 0.69), (0.016, base[1] - 0.004), 0.6, 0.011),
    )
    corners = _hull(list(fixed.values()))
    return EvaluationReport(
        log=summary(SIXTEEN, source="s3-export/2025-10/traffic.parquet"), baseline=name, rows=rows, fixed_models=fixed,
        hull=corners, frontiers=frontiers, segments=segments,
        scores=(score("AIQ", CHALLENGER, 0.8712), score("hypervolume", CHALLENGER, 0.714)),
        evidence=log_evidence(SIXTEEN),
        exploration=(
            "What would make it knowable, at 1000 requests a day: randomise 4% of the traffic among candidates within "
            "0.02 of the best for 13 days: +0.41 dollars a day, 0.0003 quality lost per request, 61% of requests have "
            "such a tie.",
        ),
    )  # fmt: skip


def _hull(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    from arbiter.ope import nondecreasing_hull

    costs, qualities = zip(*points, strict=True)
    hull = nondecreasing_hull(costs, qualities)
    return tuple(zip(hull.cost.tolist(), hull.quality.tolist(), strict=True))


def hostile() -> EvaluationReport:
    """Give a report in which every text from outside tries to leave its place."""
    names = {HOSTILE: (1e-4, 0.8), f'"/><img src=http://evil.example/x>{HOSTILE}': (2e-3, 0.9), "_$x^2$": (9e-4, 0.85)}
    best = list(names)[1]
    rows = (
        row(HOSTILE, (9e-4, 0.899), names[best], dict.fromkeys(names, 1 / 3), ess=120.0),
        row(best, names[best], names[best], one_hot(names, best)),
    )
    log = summary(tuple(names), kind=HOSTILE, source=HOSTILE)
    truth = {HOSTILE: {"quality": 0.9}}
    frontiers = (curve(HOSTILE, (1.2e-4, 0.81), (1.5e-3, 0.9), 1.0),)
    return EvaluationReport(
        log=log, baseline=best, rows=rows, fixed_models=names, hull=tuple(sorted(names.values())), frontiers=frontiers,
        scores=(score(HOSTILE, HOSTILE, 1.0),), truth=truth, evidence=log_evidence(tuple(names)),
        ranking=(Ranked(policy=HOSTILE, value=0.8, lower=0.7, sure_lower=None),),
        moves=(Move(policy=HOSTILE, origin=HOSTILE, target=HOSTILE, share=0.4, differences={}),),
        sensitivity=(sensitive(HOSTILE),), exploration=(HOSTILE,),
        segments=(Segment(policy=HOSTILE, dimension=HOSTILE, value=HOSTILE, n_requests=7, differences={}),),
    )  # fmt: skip


ROUTED = (
    (
        "Prove that the square root of 2 is irrational, and explain each step to a twelve-year-old.",
        "gemini-2.5-pro  (probability 0.871, confidence 0.74 = high, strategy balanced)\n"
        "seen: domain math (0.91), complexity complex (0.63), harm minimal (0.99), stake minimal (0.97); task "
        "math_logic; by learned\n"
        "candidate       prob   utility  quality        cost_usd   latency_s\n"
        "gemini-2.5-pro  0.871  +0.812   0.95 +- 0.02   0.0152     8.9     ###################\n"
        "mistral-large   0.129  +0.790   0.90 +- 0.03   0.000527   2.4     ##################\n"
        "excluded: llama-3.1-8b: tier below the floor of complexity complex",
    ),
    ("hi", "llama-3.1-8b  (probability 0.990, confidence 0.95 = very high, strategy balanced)"),
)

SAMPLES = {
    "three_models": three_models,
    "full_information": full_information,
    "observational": observational,
    "constant_wins": constant_wins,
    "nothing_known": nothing_known,
    "sixteen_models": sixteen_models,
    "hostile": hostile,
}
