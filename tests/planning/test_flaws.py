"""What the strategy system that arbiter replaces gets wrong, each by a test that would catch it."""

from pathlib import Path

import numpy as np
import pytest
from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, planned

from arbiter.catalog import Catalog
from arbiter.planning.savings import left
from arbiter.vocabulary import BudgetKind, CostTechnique, Urgency


def test_savings_compound_and_are_not_added(tmp_path: Path) -> None:
    """Ninety per cent of the prefix and half of the batch do not make 140 %; what is listed adds up to the whole."""
    table = SUMMARIES + 'repeated_prefix = 0.9\nmodels = ["gemini-2.5-flash"]\n'
    found = planned(tmp_path, JANUARY, table).savings[0]
    met = [row for row in found.rows if row.met]
    assert len(met) >= 2
    assert found.combined < sum(row.alone for row in met)
    assert sum(row.added for row in found.rows) == pytest.approx(found.combined)
    assert found.combined <= 1.0 and all(row.added >= 0.0 for row in found.rows)


def test_of_cache_and_batch_the_cheaper_price_counts() -> None:
    """By hand: half the spend is prefix, the rest output, all can wait; cached 0.1, batch 0.5: 0.30 is left."""
    parts = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.5]])
    cached = (CostTechnique.PROMPT_CACHING, np.array([[0.1, 1.0, 1.0]] * 2))
    batch = (CostTechnique.BATCH, np.array([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]]))
    assert left([cached, batch], parts) == pytest.approx(0.5 * 0.1 + 0.5 * 0.5)
    assert left([batch, cached], parts) == left([cached, batch], parts)


def test_costs_follow_the_use_cases_own_tokens(tmp_path: Path) -> None:
    """No request is 500 tokens in and 300 out unless its use case says so: twice the tokens are twice the cost."""
    table = MODERATION.replace("max_latency_s = 1.5\n", "")
    once = planned(tmp_path, JANUARY, table).projection.total().mean
    doubled = table.replace("= 200", "= 400").replace("= 10\n", "= 20\n")
    assert planned(tmp_path, JANUARY, doubled).projection.total().mean == pytest.approx(2 * once)


def test_the_roadmap_and_the_budgets_are_computed(tmp_path: Path) -> None:
    """A retired incumbent is replaced now; every kind of budget has its amount, and percentages need a revenue."""
    old = SUPPORT.replace("volume_error = 0.0", "volume_error = 0.1") + 'incumbent = "claude-haiku-3-5"\n'
    plan = planned(tmp_path, JANUARY, old)
    assert [each.urgency for each in plan.roadmap] == [Urgency.CRITICAL]
    assert plan.roadmap[0].due == plan.start and plan.roadmap[0].candidate == plan.recommendations[0].primary
    assert plan.roadmap[0].net_low < plan.roadmap[0].net_benefit < plan.roadmap[0].net_high
    amounts = {budget.kind: budget.usd_per_month for budget in plan.budgets}
    assert set(amounts) == set(BudgetKind)
    assert amounts[BudgetKind.PERCENTAGE] is None
    assert amounts[BudgetKind.FIXED] > amounts[BudgetKind.PAY_AS_YOU_GO] > 0
    rich = planned(tmp_path, JANUARY + "revenue_usd_per_month = 100000\n", old)
    assert "% of $100,000" in next(b.text for b in rich.budgets if b.kind is BudgetKind.PERCENTAGE)


def test_use_cases_come_from_the_file(tmp_path: Path) -> None:
    """Another name, volume and limit are another plan."""
    renamed = SUPPORT.replace('"support"', '"legal questions"').replace("5000", "10")
    plan = planned(tmp_path, JANUARY, renamed)
    assert [each.use_case for each in plan.recommendations] == ["legal questions"]
    assert plan.projection.requests() == pytest.approx(310, rel=0.01)


@pytest.mark.parametrize(
    ("asked", "vendor"),
    [
        ('criticality = 8\nstrategy = "quality_first"', "anthropic"),
        ('criticality = 4\nstrategy = "quality_first"', "openai"),
        ('criticality = 4\nstrategy = "high_availability"', "anthropic"),
        ('criticality = 4\nstrategy = "quality_first"\nmin_availability = 0.9', "anthropic"),
    ],
)
def test_a_fallback_is_of_another_vendor_where_availability_matters(tmp_path: Path, asked: str, vendor: str) -> None:
    """With two models of a vendor on top: critical, highly available, or with a named availability; else by worth."""
    base = Catalog.default()
    models = ["gpt-4o", "gpt-5", "claude-haiku-4-5"]
    catalog = base.subset(models).replace("gpt-5", quality=0.9, ttft_s=0.5).replace("gpt-4o", quality=0.89)
    table = SUPPORT.replace("criticality = 8", asked)
    made = planned(tmp_path, JANUARY, table.replace("10.0", "60.0"), catalog=catalog).recommendations[0]
    assert catalog[made.primary].provider == "openai"
    assert catalog[made.fallbacks[0]].provider == vendor


def test_no_constraint_is_relaxed_in_silence(tmp_path: Path) -> None:
    """A floor and a price that no model keeps together: the price gives way, is named, and so is what would keep it."""
    table = SUPPORT.replace("quality_floor = 0.8", "quality_floor = 0.9") + "max_cost_usd = 0.0005\n"
    made = planned(tmp_path, JANUARY, table.replace("10.0", "60.0")).recommendations[0]
    assert [each.limit for each in made.relaxed] == ["max_cost_usd"]
    assert made.relaxed[0].wanted == "$0.0005 a request" and made.primary in made.relaxed[0].got
    assert any("quality_floor to" in way for way in made.relaxed[0].to_keep)
    assert "no model keeps every limit" in made.rationale[0]


def test_what_cannot_be_kept_at_all_is_refused_rather_than_relaxed(tmp_path: Path) -> None:
    """See also tests/planning/test_bad_plans.py."""
    with pytest.raises(ValueError, match="is reached by no model"):
        planned(tmp_path, JANUARY, SUPPORT.replace("quality_floor = 0.8", "quality_floor = 0.99"))
