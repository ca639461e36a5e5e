"""Figures of the Open Bandit sample, as computed by obp 0.5.7 (random to Bernoulli Thompson sampling)."""

import numpy as np
import pytest

from arbiter.errors import NotEvaluableError
from arbiter.ope import EstimateOptions, LoggedFeedback, Verdict, estimate, evaluate

# ips, snips, dm, dr, sndr, switch_dr(5), dros(100); ESS, largest weight. Printed to nine decimals.
EXPECTED = {
    "all": (0.004552880, 0.004775833, 0.003545040, 0.004728333, 0.004786279, 0.003974452, 0.003715116, 1640, 19.60),
    "men": (0.004533560, 0.004604232, 0.004150428, 0.004568736, 0.004575257, 0.004374314, 0.004658002, 2467, 10.69),
    "women": (0.006813474, 0.006810965, 0.004554735, 0.006863071, 0.006862221, 0.005013295, 0.006265246, 1954, 12.56),
}
NAMES = ("ips", "snips", "dm", "dr", "sndr", "switch_dr", "dros")


@pytest.mark.parametrize("campaign", sorted(EXPECTED))
def test_seven_estimators_equal_open_bandit_pipeline(obd, campaign):
    """Seven estimates to 1e-6 relative, ESS and largest weight to the printed digits."""
    with np.load(obd / f"{campaign}_random_to_bts.npz") as data:
        action_probs = data["action_dist_by_position"][:, data["position"]].T
        log = LoggedFeedback.from_bandit(data["action"], data["reward"], data["pscore"], action_probs.shape[1])
        found = evaluate(log, action_probs, data["q_hat"], EstimateOptions(tau=5.0, lam=100.0))["reward"]
    for name, value in zip(NAMES, EXPECTED[campaign], strict=False):
        assert found.estimates[name].value == pytest.approx(value, rel=1e-6)
    assert round(found.diagnostics[0].ess) == EXPECTED[campaign][7]
    assert round(found.diagnostics[0].max_weight, 2) == EXPECTED[campaign][8]


def test_normal_theory_intervals_of_all(obd):
    """IPS and SNIPS intervals equal the published normal ones up to the t quantile (ESS 1640)."""
    with np.load(obd / "all_random_to_bts.npz") as data:
        action_probs = data["action_dist_by_position"][:, data["position"]].T
        log = LoggedFeedback.from_bandit(data["action"], data["reward"], data["pscore"], 80)
    found = estimate(log, action_probs)["reward"]
    assert found["ips"].interval == pytest.approx((0.000457, 0.008649), abs=5e-6)
    assert found["snips"].interval == pytest.approx((0.000493, 0.009059), abs=5e-6)


def test_men_logged_by_thompson_sampling(obd):
    """IPS and SNIPS to the printed digits, ESS 656, largest weight 178.3."""
    with np.load(obd / "men_bts_to_random.npz") as data:
        k = int(data["n_actions"])
        log = LoggedFeedback.from_bandit(data["action"], data["reward"], data["pscore"], k)
    found = evaluate(log, np.full((log.n, k), 1.0 / k))["reward"]
    assert found.estimates["ips"].value == pytest.approx(0.003008626, abs=5e-10)
    assert found.estimates["snips"].value == pytest.approx(0.003189423, abs=5e-10)
    assert round(found.diagnostics[0].ess) == 656
    assert round(found.diagnostics[0].max_weight, 1) == 178.3


def test_women_logged_by_thompson_sampling_are_refused(obd):
    """ESS 2 and one request with 69 % of the weight: no number, with the reasons, though z is quiet."""
    with np.load(obd / "women_bts_to_random.npz") as data:
        k = int(data["n_actions"])
        log = LoggedFeedback.from_bandit(data["action"], data["reward"], data["pscore"], k)
    found = evaluate(log, np.full((log.n, k), 1.0 / k))["reward"]
    assert found.judgement.verdict is Verdict.CANNOT_BE_KNOWN
    assert not found.estimates and found.best is None
    assert "effective sample size is 2.1" in found.judgement.reasons[0]
    assert "69%" in found.judgement.reasons[1]
    assert abs(found.diagnostics[0].mean_weight_z) < 1.0
    with pytest.raises(NotEvaluableError, match="effective sample size"):
        found.require()
