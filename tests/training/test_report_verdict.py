"""The sentence that a decision maker reads."""

import pytest
import report_samples as samples
from report_samples import BASELINE, GEMINI, LLAMA, MISTRAL, THREE, row

from arbiter_training.report.comparison import Finding, compare, routers
from arbiter_training.report.constants import cheapest_constant
from arbiter_training.report.verdict import TOLERATED_LOSS, Kind, conclude

BASE = THREE[GEMINI]
MIXED = {LLAMA: 0.5, MISTRAL: 0.25, GEMINI: 0.25}


def finding(point, halves=(0.002, 0.02)):
    router = row("router", point, BASE, MIXED, halves)
    report = samples.three_models(rows=(router, row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI))))
    return compare(report, router, TOLERATED_LOSS).finding


def test_worked_example():
    """Half the cost at 0.9337 against 0.9322, on paper 100.2 % of the quality, is said in these words."""
    router = row("mine", (7.6e-3, 0.9337), BASE, MIXED, (0.0047, 0.1))
    report = samples.three_models(rows=(router, row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI))))
    assert conclude(report).sentence == (
        "Routing with mine would have matched the quality of the best single model gemini-2.5-pro, with 100.2% "
        "(95% interval 99.7% to 100.7%) of it, at 50% lower cost (40% to 60%)."
    )


def test_findings_by_interval():
    """A router pays, trades, or stays undecided by the ends of its intervals, never by its means alone."""
    assert finding((5e-3, 0.930)) is Finding.PAYS
    assert finding((5e-3, 0.930), (0.03, 0.02)) is Finding.UNDECIDED
    assert finding((5e-3, 0.930), (0.002, 0.9)) is Finding.UNDECIDED
    assert finding((2.5e-4, 0.900)) is Finding.TRADES
    assert finding((2.0e-2, 0.950)) is Finding.TRADES
    assert finding((1.52e-2, 0.950)) is Finding.PAYS


def test_router_below_the_mix_of_constants_is_never_recommended():
    """A router that a random mix of constant models matches at its cost is beaten, however much it saves."""
    assert finding((6.6e-4, 0.9231)) is Finding.BEATEN
    conclusion = conclude(samples.constant_wins())
    assert (conclusion.kind, conclusion.policy) == (Kind.CONSTANT, MISTRAL)
    assert conclusion.sentence.startswith(f"Use the constant model {MISTRAL}: no router beat it")


def test_refused_log_gives_no_number_of_its_own():
    """Where every policy is refused, the sentence is the first reason and there is no comparison."""
    conclusion = conclude(samples.nothing_known())
    assert conclusion.kind is Kind.CANNOT_TELL
    assert conclusion.sentence.startswith("This log cannot tell")
    assert "deterministic" in conclusion.sentence
    assert conclusion.comparison is not None and conclusion.comparison.relative_quality is None


@pytest.mark.parametrize(
    ("point", "halves", "doubt"),
    [
        ((5e-3, 0.9335), (0.03, 0.02), "neither shows nor rules out a loss above 2%"),
        ((5e-3, 0.9335), (0.002, 0.9), "its quality holds against the best single model"),
        ((5e-3, 0.9335), (0.03, 0.9), "its quality is not shown to hold"),
        ((2e-2, 0.9335), (0.03, 0.02), "it costs more than"),
        ((5e-3, 0.9335), (None, 0.02), "without intervals"),
    ],
)
def test_open_question_is_named(point, halves, doubt):
    """An undecided verdict says which of quality and cost the log leaves open."""
    rows = (row("router", point, BASE, MIXED, halves), row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI)))
    conclusion = conclude(samples.three_models(rows=rows, hull=()))
    assert conclusion.kind is Kind.CANNOT_TELL
    assert doubt in conclusion.sentence


def test_missing_interval_is_not_evidence():
    """An estimate without an interval never leads to a recommendation."""
    router = row("router", (5e-3, 0.95), BASE, MIXED, (None, 0.02))
    report = samples.three_models(rows=(router, row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI))))
    assert conclude(report).kind is Kind.CANNOT_TELL


def test_controls_and_constants_are_not_routers():
    """Random choice, the baseline and single models are yardsticks and never named as routers."""
    assert [r.name for r in routers(samples.three_models())] == ["models/mine", "models/mine (frugal)"]
    only = samples.three_models(rows=(row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI)),))
    assert conclude(only).sentence.startswith(f"Use the constant model {MISTRAL}: no router was evaluated")


def test_cheaper_constant_model_is_always_mentioned():
    """When a constant model within the tolerated loss saves more than the router, the notes say so."""
    router = row("router", (5e-3, 0.9335), BASE, MIXED, (0.004, 0.02))
    report = samples.three_models(rows=(router, row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI))))
    assert any(note.startswith(f"The constant model {MISTRAL} alone keeps 99.0%") for note in conclude(report).notes)


def test_constant_evaluated_as_policy_is_held_to_its_interval():
    """A constant model whose paired interval allows a loss above the tolerance is not offered as a substitute."""
    wide = row("mistral", THREE[MISTRAL], BASE, samples.one_hot(THREE, MISTRAL), (0.05, 0.02))
    report = samples.three_models(rows=(wide, row(BASELINE, BASE, BASE, samples.one_hot(THREE, GEMINI))))
    assert cheapest_constant(report, TOLERATED_LOSS).model == GEMINI
    assert cheapest_constant(samples.three_models(), TOLERATED_LOSS).model == MISTRAL


def test_choice_among_routers_is_owned_up_to():
    """With several routers on one log the notes say that the best was picked."""
    assert any("best of 2 routers" in note for note in conclude(samples.three_models()).notes)
