"""What each of the eight techniques saves on a use case, measured where the traffic tells."""

from dataclasses import replace

import numpy as np

from arbiter.planning.budgets import best_commitment
from arbiter.planning.history import CaseHistory, FloatArray
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.techniques import TECHNIQUES, Basis, MonthlySpend, Saving
from arbiter.planning.use_case import Assumptions, UseCase
from arbiter.planning.wording import usd
from arbiter.records import Candidate
from arbiter.vocabulary import CostTechnique

OVER_LONG = 0.95
"""Answers longer than this share of all are taken for over-long: what a limit there cuts off."""

NEGOTIABLE_USD = 10_000.0
"""Spend per month with one vendor from which a vendor is taken to negotiate: an assumption, not a price list."""

NOW, LATER = 0, 1
PREFIX, REST, OUTPUT = 0, 1, 2


def technique_savings(
    case: UseCase, primary: ModelOutlook, history: CaseHistory, spent: MonthlySpend, assumptions: Assumptions
) -> tuple[Saving, ...]:
    """Give what is left of each part of the spend under each technique, one by one; see :class:`Saving`."""
    return (
        _caching(case, primary.candidate, history),
        _batch(case, primary.candidate),
        _routing(history),
        _limits(primary, history),
        _compression(history),
        _semantic(history),
        _discounts(primary.candidate.provider, spent),
        _reserved(case, spent, assumptions),
    )


def _row(technique: CostTechnique, basis: Basis, met: bool, why: str, factors: FloatArray) -> Saving:
    return Saving(
        technique=technique, basis=basis, met=met, why=why, factors=factors, low_factors=factors, high_factors=factors
    )


def _from_literature(technique: CostTechnique, met: bool, why: str, touched: FloatArray) -> Saving:
    """Give the literature's range on the touched parts, (2, 3) of 0 and 1; the middle of it as the value."""
    known = TECHNIQUES[technique]
    row = _row(technique, Basis.LITERATURE, met, why, 1.0 - touched * (known.low + known.high) / 2.0)
    return replace(row, low_factors=1.0 - touched * known.low, high_factors=1.0 - touched * known.high)


def _touching(*columns: int, rows: tuple[int, ...] = (NOW, LATER)) -> FloatArray:
    touched = np.zeros((2, 3))
    touched[np.ix_(rows, columns)] = 1.0
    return touched


def repeated_prefix(case: UseCase, history: CaseHistory) -> float | None:
    """Give the share of the input that a common prefix makes up: as declared, else as measured; None is not known."""
    if case.repeated_prefix is not None or history.repetition is None:
        return case.repeated_prefix
    return history.repetition.prefix


def _caching(case: UseCase, candidate: Candidate, history: CaseHistory) -> Saving:
    technique, price = CostTechnique.PROMPT_CACHING, candidate.usd_per_mtok_cached_in
    prefix = repeated_prefix(case, history)
    if price is None or candidate.usd_per_mtok_in == 0:
        return _row(technique, Basis.DECLARED, False, f"{candidate.name} has no cached price", np.ones((2, 3)))
    if prefix is None:
        why = "how much of the input is a repeated prefix is not known: declare repeated_prefix, or give traffic"
        return _from_literature(technique, False, why, _touching(PREFIX, REST))
    basis = Basis.MEASURED if case.repeated_prefix is None else Basis.DECLARED
    factors = 1.0 - _touching(PREFIX) * (1.0 - price / candidate.usd_per_mtok_in)
    return _row(technique, basis, prefix > 0, f"{prefix:.1%} of the input is a repeated prefix", factors)


def _batch(case: UseCase, candidate: Candidate) -> Saving:
    technique, factors = CostTechnique.BATCH, np.ones((2, 3))
    pairs = (
        (candidate.usd_per_mtok_batch_in, candidate.usd_per_mtok_in, (PREFIX, REST)),
        (candidate.usd_per_mtok_batch_out, candidate.usd_per_mtok_out, (OUTPUT,)),
    )
    for batch, listed, columns in pairs:
        if batch is not None and listed > 0:
            factors -= _touching(*columns, rows=(LATER,)) * (1.0 - batch / listed)
    if (factors == 1.0).all():
        return _row(technique, Basis.DECLARED, False, f"{candidate.name} has no batch price", factors)
    met = case.deferrable > 0
    return _row(technique, Basis.DECLARED, met, f"{case.deferrable:.0%} of the requests can wait", factors)


def _routing(history: CaseHistory) -> Saving:
    technique, trial = CostTechnique.TIERED_ROUTING, history.routing
    everything = np.ones((2, 3))
    if trial is None:
        return _from_literature(technique, False, "no router was tried: give --policy and traffic", everything)
    kept = trial.mean_cost_usd / trial.single_cost_usd if trial.single_cost_usd > 0 else 1.0
    why = (
        f"{trial.policy}: {usd(trial.mean_cost_usd)} a request at quality {trial.quality:.3f}, "
        f"{trial.single} {usd(trial.single_cost_usd)} at {trial.single_quality:.3f}"
    )
    return _row(technique, Basis.MEASURED, trial.beats_all and kept < 1.0, why, everything * kept)


def _limits(primary: ModelOutlook, history: CaseHistory) -> Saving:
    technique, past = CostTechnique.OUTPUT_LIMITS, history.models.get(primary.candidate.name)
    if past is not None and past.output_tokens.size >= 2 and past.output_tokens.sum() > 0:
        cap = float(np.quantile(past.output_tokens, OVER_LONG))
        cut = float(np.maximum(past.output_tokens - cap, 0.0).sum() / past.output_tokens.sum())
        basis = Basis.MEASURED
    elif primary.tokens is not None and primary.tokens[1].sd > 0:
        cap = primary.tokens[1].quantile(OVER_LONG)
        cut, basis = primary.tokens[1].excess_share(cap), Basis.DECLARED
    else:
        return _from_literature(technique, False, "how answers vary in length is not known", _touching(OUTPUT))
    why = f"{cut:.1%} of the output lies beyond {cap:,.0f} tokens, which {OVER_LONG:.0%} of the answers stay below"
    return _row(technique, basis, cut > 0, why, 1.0 - _touching(OUTPUT) * cut)


def _compression(history: CaseHistory) -> Saving:
    technique = CostTechnique.PROMPT_COMPRESSION
    if history.repetition is None:
        why = "the prompts are not known: give traffic"
        return _from_literature(technique, False, why, _touching(PREFIX, REST))
    share = history.repetition.redundant
    why = f"{share:.1%} of the input is white space and repeated lines; rewording would save more"
    return _row(technique, Basis.MEASURED, share > 0, why, 1.0 - _touching(PREFIX, REST) * share)


def _semantic(history: CaseHistory) -> Saving:
    technique = CostTechnique.SEMANTIC_CACHING
    if history.repetition is None:
        why = "how many requests repeat is not known: give traffic"
        return _from_literature(technique, False, why, np.ones((2, 3)))
    share = history.repetition.duplicates
    why = f"{share:.1%} of the requests nearly repeat an earlier one"
    return _row(technique, Basis.MEASURED, share > 0, why, np.full((2, 3), 1.0 - share))


def _discounts(vendor: str, spent: MonthlySpend) -> Saving:
    why = f"{vendor} gets {usd(spent.vendor)} a month; taken to be negotiable from ${NEGOTIABLE_USD:,.0f} on"
    met = spent.vendor >= NEGOTIABLE_USD
    return _from_literature(CostTechnique.VOLUME_DISCOUNTS, met, why, np.ones((2, 3)))


def _reserved(case: UseCase, spent: MonthlySpend, assumptions: Assumptions) -> Saving:
    technique, volume = CostTechnique.RESERVED_CAPACITY, case.volume
    if not volume.shaped:
        why = "when requests come is not known: declare weekly and hourly"
        return _from_literature(technique, False, why, np.ones((2, 3)))
    best = best_commitment(volume.loads(), assumptions.commitment_discount)
    why = (
        f"committing to {best.level:.0%} of the mean load at {assumptions.commitment_discount:.0%} off, by the "
        f"declared hours; taken to be offered from ${NEGOTIABLE_USD:,.0f} a month with a vendor on"
    )
    met = best.saving > 0 and spent.vendor >= NEGOTIABLE_USD
    return _row(technique, Basis.DECLARED, met, why, np.full((2, 3), 1.0 - best.saving))
