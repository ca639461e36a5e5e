"""What techniques save: measured, declared or published; alone and together."""

from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, SUMMARIES, SUPPORT, planned

from arbiter.planning import CaseHistory, History, ModelHistory, Repetition
from arbiter.planning.savings import Savings
from arbiter.planning.techniques import TECHNIQUES, Basis, Saving
from arbiter.vocabulary import CostTechnique


def found(folder: Path, table: str, history: CaseHistory | None = None) -> Savings:
    """Give the savings of the one use case."""
    name = "support" if "support" in table else "summaries"
    return planned(folder, JANUARY, table, history=History(cases={name: history}) if history else None).savings[0]


def row(savings: Savings, technique: CostTechnique) -> Saving:
    """Give one technique."""
    return next(each for each in savings.rows if each.technique is technique)


def test_every_technique_has_its_row_and_says_where_its_figure_is_from(tmp_path: Path) -> None:
    """Eight, ordered by saving per effort, those that are not counted last."""
    savings = found(tmp_path, SUPPORT)
    assert {each.technique for each in savings.rows} == set(CostTechnique) == set(TECHNIQUES)
    assert [each.met for each in savings.rows] == sorted((each.met for each in savings.rows), reverse=True)
    rates = [each.alone / each.days for each in savings.rows if each.met]
    assert rates == sorted(rates, reverse=True)
    assert all(each.why for each in savings.rows)
    assert row(savings, CostTechnique.SEMANTIC_CACHING).basis is Basis.LITERATURE
    assert (row(savings, CostTechnique.SEMANTIC_CACHING).alone_low, savings.combined) == (pytest.approx(0.4), 0.0)


def test_what_the_traffic_tells_is_measured(tmp_path: Path) -> None:
    """By hand on gpt-4o, 800 in at $2.50, 300 out at $10: 2/5 is for input, half of it a prefix at half price."""
    lengths = np.array([100.0] * 95 + [2100.0] * 5)
    history = CaseHistory(
        requests=100,
        models={"gpt-4o": ModelHistory(output_tokens=lengths)},
        repetition=Repetition(prefix=0.5, duplicates=0.2, redundant=0.1),
    )
    savings = found(tmp_path, SUPPORT + 'models = ["gpt-4o"]\n', history)
    assert row(savings, CostTechnique.PROMPT_CACHING).alone == pytest.approx(0.4 * 0.5 * 0.5)
    assert row(savings, CostTechnique.SEMANTIC_CACHING).alone == pytest.approx(0.2)
    assert row(savings, CostTechnique.PROMPT_COMPRESSION).alone == pytest.approx(0.4 * 0.1)
    cap = np.quantile(lengths, 0.95)
    cut = np.maximum(lengths - cap, 0).sum() / lengths.sum()
    assert row(savings, CostTechnique.OUTPUT_LIMITS).alone == pytest.approx(0.6 * cut)
    measured = [each for each in savings.rows if each.basis is Basis.MEASURED]
    assert len(measured) == 4 and savings.evidenced == pytest.approx(savings.combined)
    by_hand = 0.2 * 0.5 * 0.9 + 0.2 * 1.0 * 0.9 + 0.6 * (1 - cut)  # prefix, rest of the input, output
    assert savings.combined == pytest.approx(1 - 0.8 * by_hand)


def test_what_saves_more_per_day_of_work_comes_first(tmp_path: Path) -> None:
    """A batch saves more than a cache, and takes five times the work."""
    savings = found(tmp_path, SUMMARIES + 'repeated_prefix = 0.9\nmodels = ["gemini-2.5-flash"]\n')
    batch, cache = row(savings, CostTechnique.BATCH), row(savings, CostTechnique.PROMPT_CACHING)
    assert batch.alone > cache.alone > batch.alone / 5
    assert [each.technique for each in savings.rows[:2]] == [CostTechnique.PROMPT_CACHING, CostTechnique.BATCH]


def test_the_payback_is_the_work_over_what_is_added(tmp_path: Path) -> None:
    """A batch takes ten days of $800 and saves half of $58.61 a month; what saves nothing never pays back."""
    savings = found(tmp_path, SUMMARIES + 'models = ["gemini-2.5-flash"]\n')
    assert row(savings, CostTechnique.BATCH).payback_months == pytest.approx(8000 / (58.6055 / 2))
    assert row(savings, CostTechnique.TIERED_ROUTING).payback_months is None


def test_prerequisites_are_checked(tmp_path: Path) -> None:
    """Nothing can wait, no batch price is offered, no cached price, and no discount on pennies."""
    waits = SUMMARIES.replace("deferrable = 1.0", "deferrable = 0.0")
    assert not row(found(tmp_path, waits + 'models = ["gpt-4o-mini"]\n'), CostTechnique.BATCH).met
    plain = found(tmp_path, SUMMARIES + 'models = ["deepseek-v3"]\nrepeated_prefix = 0.5\n')
    assert "no batch price" in row(plain, CostTechnique.BATCH).why
    assert "no cached price" in row(plain, CostTechnique.PROMPT_CACHING).why
    assert not row(plain, CostTechnique.VOLUME_DISCOUNTS).met
    dear = SUMMARIES.replace("= 1000", "= 1000000") + 'models = ["gpt-4o"]\n'
    assert row(found(tmp_path, dear), CostTechnique.VOLUME_DISCOUNTS).met


def test_a_discount_is_asked_of_what_the_vendor_gets_from_all_use_cases(tmp_path: Path) -> None:
    """Two of $7,705 each, both with one vendor, reach the $10,000 that neither reaches."""
    one = SUMMARIES.replace("= 1000", "= 21613") + 'models = ["gpt-4o"]\n'  # 31 x 0.999 x 21,613 x $0.0115
    alone = found(tmp_path, one)
    assert alone.usd_per_month == pytest.approx(7_697.4, abs=1.0)
    assert not row(alone, CostTechnique.VOLUME_DISCOUNTS).met
    both = planned(tmp_path, JANUARY, one, one.replace('"summaries"', '"others"')).savings
    assert all(row(each, CostTechnique.VOLUME_DISCOUNTS).met for each in both)


def test_what_is_only_published_is_not_evidence(tmp_path: Path) -> None:
    """By hand: a batch leaves .5 and the middle of 10 to 30 % leaves .8 of that; the first alone is evidence."""
    dear = found(tmp_path, SUMMARIES.replace("= 1000", "= 1000000") + 'models = ["gpt-4o"]\n')
    assert row(dear, CostTechnique.BATCH).met and row(dear, CostTechnique.VOLUME_DISCOUNTS).met
    assert dear.evidenced == pytest.approx(0.5)
    assert dear.combined == pytest.approx(1 - 0.5 * 0.8)
    assert (dear.combined_low, dear.combined_high) == (pytest.approx(1 - 0.5 * 0.9), pytest.approx(1 - 0.5 * 0.7))


def test_of_a_discount_and_a_reservation_the_better_counts(tmp_path: Path) -> None:
    """They are two contracts for one spend, not two savings."""
    hours = f"hourly = {[1] * 12 + [2] * 12}\n"
    dear = SUMMARIES.replace("= 1000", "= 1000000").replace("deferrable = 1.0", "deferrable = 0.0")
    savings = found(tmp_path, dear + 'models = ["gpt-4o"]\n' + hours)
    contracts = [row(savings, t) for t in (CostTechnique.VOLUME_DISCOUNTS, CostTechnique.RESERVED_CAPACITY)]
    assert all(each.met for each in contracts)
    assert savings.combined == pytest.approx(max(each.alone for each in contracts))
    assert savings.combined_low <= savings.combined <= savings.combined_high
