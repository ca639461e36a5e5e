"""What is left to people: told, and told only where there is something."""

from pathlib import Path

from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, full_plan, planned

from arbiter.planning.decisions import decisions


def test_a_plan_that_leaves_nothing_open_says_nothing(tmp_path: Path) -> None:
    """One use case on each of four vendors, each the only model that may serve, and as available as asked for."""
    tables = [
        SUPPORT.replace('"support"', f'"{model}"').replace("= 0.8", "= 0.5").replace("= 10.0", "= 60.0")
        + f'models = ["{model}"]\nmin_availability = 0.9\n'
        for model in ("gpt-4o-mini", "gemini-2.5-flash", "deepseek-v3", "mistral-large-2512")
    ]
    assert decisions(planned(tmp_path, JANUARY, *tables)) == []


def test_every_kind_is_told_in_the_order_of_its_weight(tmp_path: Path) -> None:
    """A retired incumbent, a price that gives way, an availability that is not reached, one vendor, a cheaper rival."""
    said = decisions(full_plan(tmp_path))
    assert said[0].startswith("by 2027-01-01, move support from claude-haiku-3-5 to ")
    assert any(
        "accept for support that max_cost_usd is" in each and "; or change quality_floor to" in each for each in said
    )
    alone = MODERATION.replace("criticality = 7", "criticality = 9") + 'models = ["gpt-4o-mini"]\n'
    lonely = decisions(planned(tmp_path, JANUARY, alone))
    assert lonely[0].startswith("accept for moderation that it is available 99.90%, 99.990% wanted")
    assert lonely[1].startswith("accept that openai gets 100% of the spend until 2027-01-08")


def test_cheaper_rivals_are_named_by_what_they_would_save(tmp_path: Path) -> None:
    """gpt-4o at $0.005 a request to gemini-2.5-flash at $0.00099 is 80.2 % of $774.22; pennies are left out."""
    pair = SUPPORT + 'models = ["gpt-4o", "gemini-2.5-flash"]\n'
    plan = planned(tmp_path, JANUARY, pair, SUMMARIES.replace("= 1000", "= 1"))
    rivals = [each for each in decisions(plan) if each.startswith("judge")]
    saved = plan.projection.of("support").total().mean * (1 - 0.00099 / 0.005)
    assert len(rivals) == 1 and f"${saved:.2f} a month less" in rivals[0]
    assert "gemini-2.5-flash and gpt-4o for support" in rivals[0]
