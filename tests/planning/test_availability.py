"""Availability of chains, worked on paper."""

import pytest

from arbiter.catalog import Catalog
from arbiter.planning.availability import chain_availability, reached_shares

CATALOG = Catalog.default()
OPENAI = [CATALOG["gpt-4o"], CATALOG["gpt-4o-mini"]]  # 0.999 each
GEMINI = CATALOG["gemini-2.5-flash"]  # 0.995


def test_one_model_is_as_available_as_promised() -> None:
    """Whatever the common cause."""
    for beta in (0.0, 0.3, 1.0):
        assert chain_availability([GEMINI], beta) == pytest.approx(0.995)


def test_two_vendors_are_in_parallel() -> None:
    """Down together with 0.001 x 0.005."""
    for beta in (0.0, 0.3, 1.0):
        assert chain_availability([OPENAI[0], GEMINI], beta) == pytest.approx(1 - 0.001 * 0.005)


def test_two_models_of_a_vendor_share_a_part_of_their_downtime() -> None:
    """Beta 0.3: 0.0003 in common; (0.0007 / 0.9997)^2 alone. beta 1 is one model, beta 0 are two vendors."""
    by_hand = 0.0003 + 0.9997 * (0.0007 / 0.9997) ** 2
    assert 1 - chain_availability(OPENAI, 0.3) == pytest.approx(by_hand)
    assert chain_availability(OPENAI, 1.0) == pytest.approx(0.999)
    assert chain_availability(OPENAI, 0.0) == pytest.approx(1 - 0.001**2)
    assert chain_availability(OPENAI, 0.3) < chain_availability([OPENAI[0], GEMINI], 0.3)


def test_shares_add_to_the_availability() -> None:
    """Each model answers what those before it did not."""
    chain = [*OPENAI, GEMINI]
    shares = reached_shares(chain, 0.3)
    assert shares[0] == pytest.approx(0.999) and min(shares) > 0
    assert sum(shares) == pytest.approx(chain_availability(chain, 0.3))
