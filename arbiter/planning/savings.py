"""What could be saved on a use case: measured where the traffic tells, else the literature's range; compounded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arbiter.estimates.billing import TOKENS_PER_MTOK
from arbiter.planning.history import CaseHistory, FloatArray
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.technique_savings import repeated_prefix, technique_savings
from arbiter.planning.techniques import TECHNIQUES, Basis, MonthlySpend, Saving
from arbiter.planning.use_case import Assumptions, UseCase
from arbiter.vocabulary import CostTechnique


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """All techniques on one use case.

    Attributes
    ----------
    use_case : its name.
    usd_per_month : what is spent without them.
    rows : by saving per effort, those whose prerequisites are not met last.
    combined, combined_low, combined_high : share saved by all that are met, together.
    evidenced : the same of those that are measured or declared alone.
    """

    use_case: str
    usd_per_month: float
    rows: tuple[Saving, ...]
    combined: float
    combined_low: float
    combined_high: float
    evidenced: float


def savings(
    case: UseCase, primary: ModelOutlook, history: CaseHistory, spent: MonthlySpend, assumptions: Assumptions
) -> Savings:
    """Give what each technique saves and what they save together.

    Together they compound: each works on what those before it left, part by part, so that no two can save the same
    dollar. Order does not matter, for what is left is a product, save for two pairs that do not multiply: of a batch
    and a prompt cache the cheaper price counts for a token, and of a volume discount and a reservation the better one.

    Parameters
    ----------
    case : volume, deferrable share and lengths.
    primary : the model that serves it.
    history : what the traffic says.
    spent : in a mean month, here and with the vendor.
    assumptions : price of an engineer's day, and the discount of a commitment.
    """
    parts = spend_parts(case, primary, history)
    found = technique_savings(case, primary, history, spent, assumptions)
    rows = _ranked([_alone(row, parts) for row in found], spent.case, assumptions, parts)
    met = [row for row in rows if row.met]
    return Savings(
        use_case=case.name,
        usd_per_month=spent.case,
        rows=tuple(rows),
        combined=1.0 - left([(r.technique, r.factors) for r in met], parts),
        combined_low=1.0 - left([(r.technique, r.low_factors) for r in met], parts),
        combined_high=1.0 - left([(r.technique, r.high_factors) for r in met], parts),
        evidenced=1.0 - left([(r.technique, r.factors) for r in met if r.basis is not Basis.LITERATURE], parts),
    )


def spend_parts(case: UseCase, primary: ModelOutlook, history: CaseHistory) -> FloatArray:
    """Give (2, 3) shares of the spend, of sum 1: now and later, by prefix, rest of the input, and output."""
    usd_in, usd_out = _both_ways(primary, history)
    prefix = repeated_prefix(case, history) or 0.0
    whole = (usd_in + usd_out) or 1.0
    row = np.array([usd_in * prefix, usd_in * (1.0 - prefix), usd_out]) / whole
    return np.outer([1.0 - case.deferrable, case.deferrable], row)


def _both_ways(primary: ModelOutlook, history: CaseHistory) -> tuple[float, float]:
    """Give what input and output cost; where output is not counted it is what was billed beyond the input."""
    tokens, candidate = primary.tokens, primary.candidate
    if tokens is not None:
        return tokens[0].mean * candidate.usd_per_mtok_in, tokens[1].mean * candidate.usd_per_mtok_out
    assert primary.cost is not None, "a model without a cost is barred"
    billed = primary.cost.mean_usd * TOKENS_PER_MTOK
    sent = float(history.input_tokens.mean()) if history.input_tokens.size else 0.0
    usd_in = min(sent * candidate.usd_per_mtok_in, billed)
    return usd_in, billed - usd_in


def left(applied: Sequence[tuple[CostTechnique, FloatArray]], parts: FloatArray) -> float:
    """Give the share of the spend that techniques leave together."""
    named = dict(applied)
    factors = np.ones_like(parts)
    for technique, factor in applied:
        if technique not in (CostTechnique.VOLUME_DISCOUNTS, CostTechnique.RESERVED_CAPACITY):
            factors = factors * factor
    cached, batch = named.get(CostTechnique.PROMPT_CACHING), named.get(CostTechnique.BATCH)
    if cached is not None and batch is not None:
        both = cached * batch
        factors = factors * np.divide(np.minimum(cached, batch), both, out=np.ones_like(both), where=both > 0)
    contracts = [named[t] for t in (CostTechnique.VOLUME_DISCOUNTS, CostTechnique.RESERVED_CAPACITY) if t in named]
    if contracts:
        factors = factors * np.minimum.reduce(contracts)
    return float((parts * factors).sum() / parts.sum()) if parts.sum() > 0 else 1.0


def _ranked(rows: list[Saving], usd_per_month: float, assumptions: Assumptions, parts: FloatArray) -> list[Saving]:
    """Order by saving per day of effort, and say what each adds to those before it."""
    rows = sorted(rows, key=lambda r: (not r.met, -r.alone / TECHNIQUES[r.technique].days, r.technique))
    done: list[tuple[CostTechnique, FloatArray]] = []
    ranked = []
    for row in rows:
        before, after = left(done, parts), left([*done, (row.technique, row.factors)], parts)
        added = before - after if row.met else 0.0
        usd, days = added * usd_per_month, TECHNIQUES[row.technique].days
        payback = days * assumptions.engineer_day_usd / usd if usd > 0 else None
        ranked.append(replace(row, added=added, usd_per_month=usd, days=days, payback_months=payback))
        done += [(row.technique, row.factors)] if row.met else []
    return ranked


def _alone(row: Saving, parts: FloatArray) -> Saving:
    values = [1.0 - left([(row.technique, f)], parts) for f in (row.factors, row.low_factors, row.high_factors)]
    return replace(row, alone=values[0], alone_low=values[1], alone_high=values[2])
