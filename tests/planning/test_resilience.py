"""Patterns and outages."""

from pathlib import Path

import pytest
from plan_samples import JANUARY, MODERATION, SUPPORT, planned

from arbiter.planning.resilience import Resilience
from arbiter.vocabulary import ResiliencePattern

HOURS = f"hourly = {[1] * 12 + [3] * 12}\n"


def found(folder: Path, *tables: str) -> Resilience:
    """Give how the one use case stays up."""
    return planned(folder, *tables).resilience[0]


def chosen(resilience: Resilience) -> set[ResiliencePattern]:
    """Give the patterns that are chosen."""
    return {each.pattern for each in resilience.patterns if each.chosen}


def test_an_outage_by_hand(tmp_path: Path) -> None:
    """4 h at 3/2 of the mean hour: 5,000 / 24 x 1.5 x 4 = 1,250 requests; all lost alone, 0.5 % of them with Gemini."""
    pair = SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n' + HOURS
    openai = found(tmp_path, JANUARY, pair).outages[0]
    assert (openai.vendor, openai.serves) == ("openai", "gemini-2.5-flash")
    assert openai.requests == pytest.approx(1250) == openai.lost_alone
    assert openai.lost == pytest.approx(1250 * 0.005)
    assert openai.blind_s == pytest.approx(5 / (1250 / 14400))
    assert openai.extra_usd == pytest.approx(1250 * 0.995 * ((800 * 0.3 + 300 * 2.5) - (800 * 2.5 + 300 * 10)) / 1e6)
    assert openai.quality_change == pytest.approx(-0.01)


def test_two_models_of_one_vendor_go_down_with_it(tmp_path: Path) -> None:
    """A chain of one vendor loses everything, and the standby patterns say that it has no other."""
    pair = SUPPORT.replace("= 0.8", "= 0.7") + 'models = ["gpt-4o", "gpt-4o-mini"]\n'
    resilience = found(tmp_path, JANUARY, pair)
    assert resilience.outages[0].serves is None and resilience.outages[0].lost == resilience.outages[0].requests
    why = {each.pattern: each.why for each in resilience.patterns}
    assert "no model of another vendor" in why[ResiliencePattern.ACTIVE_PASSIVE]
    assert len(resilience.patterns) == len(ResiliencePattern)


def test_patterns_follow_the_arithmetic(tmp_path: Path) -> None:
    """A standby where one vendor's promise does not do; both at once for the highest; a hedge for a broken tail."""
    critical = found(tmp_path, JANUARY, SUPPORT)
    assert ResiliencePattern.ACTIVE_PASSIVE in chosen(critical) and critical.reached
    highest = found(tmp_path, JANUARY, SUPPORT.replace("criticality = 8", "criticality = 10"))
    assert ResiliencePattern.ACTIVE_ACTIVE in chosen(highest)
    modest = found(tmp_path, JANUARY, SUPPORT.replace("criticality = 8", "criticality = 2"))
    assert not chosen(modest) & {ResiliencePattern.ACTIVE_PASSIVE, ResiliencePattern.ACTIVE_ACTIVE}
    assert {ResiliencePattern.TIMEOUT, ResiliencePattern.FALLBACK} <= chosen(modest)
    assert ResiliencePattern.HEDGE not in chosen(modest)
    late = SUPPORT.replace("max_latency_s = 10.0", "max_latency_s = 6.0").replace("= 0.8", "= 0.85")
    assert ResiliencePattern.HEDGE in chosen(found(tmp_path, JANUARY, late))


def test_what_each_pattern_costs_by_hand(tmp_path: Path) -> None:
    """gpt-4o at $0.005 a request, gemini-2.5-flash at $0.00099; 1.5 % of the calls fail, half of them twice."""
    plan = planned(tmp_path, JANUARY, SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n')
    patterns = {each.pattern: each for each in plan.resilience[0].patterns}
    usd, ratio = plan.projection.total().mean, 0.00099 / 0.005
    by_hand = {
        ResiliencePattern.ACTIVE_PASSIVE: 730 * 6 * 0.00099,  # six probes an hour
        ResiliencePattern.ACTIVE_ACTIVE: usd / 2 * (ratio - 1),
        ResiliencePattern.FALLBACK: usd * 0.001 * (ratio - 1),
        ResiliencePattern.RETRY_BACKOFF: usd * 0.015 * 0.5,
        ResiliencePattern.HEDGE: usd * 0.05 * ratio,
        ResiliencePattern.TIMEOUT: 0.0,
        ResiliencePattern.CIRCUIT_BREAKER: 0.0,
        ResiliencePattern.BULKHEAD: 0.0,
    }
    assert {name: each.extra_usd_per_month for name, each in patterns.items()} == pytest.approx(by_hand)
    assert patterns[ResiliencePattern.RETRY_BACKOFF].chosen
    assert "after 10 s" in patterns[ResiliencePattern.TIMEOUT].why
    assert f"within {5 / (5000 / 86400) + 10:,.0f} s" in patterns[ResiliencePattern.CIRCUIT_BREAKER].why


def test_a_busy_use_case_needs_a_bulkhead(tmp_path: Path) -> None:
    """Fifty million a day keep hundreds of calls open; five thousand do not."""
    assert ResiliencePattern.BULKHEAD not in chosen(found(tmp_path, JANUARY, SUPPORT))
    busy = MODERATION.replace("= 50000", "= 50000000")
    assert ResiliencePattern.BULKHEAD in chosen(found(tmp_path, JANUARY, busy))


def test_the_outage_takes_as_long_as_assumed(tmp_path: Path) -> None:
    """Half an hour is an eighth of four."""
    short = found(tmp_path, JANUARY + "outage_hours = 0.5\n", SUPPORT).outages[0]
    assert short.requests == pytest.approx(5000 / 48)
