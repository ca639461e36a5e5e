"""The front of the package: evaluate a policy on a log, with its evidence and verdict."""

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.ope.arrays import as_table
from arbiter.ope.conclude import conclude, conclude_pair, conclude_view
from arbiter.ope.diagnostics import Diagnostics, diagnose_view
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.options import EstimateOptions
from arbiter.ope.sums import PolicySums, Tables, accumulate, feedback_rates
from arbiter.ope.verdict import Judgement, judge
from arbiter.ope.view import OutcomeView

# Which estimate leads a report: the truth where it is known, then the doubly robust one.
_PREFERENCE = ("exact", "dr", "snips", "ips", "sndr", "switch_dr", "dros", "clipped_ips")

QHat = ArrayLike | Mapping[str, ArrayLike] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a log says about one outcome of a policy.

    Parameters
    ----------
    outcome : str
        Outcome column.
    judgement : Judgement
        Verdict and reasons.
    diagnostics : tuple of Diagnostics
        Of the policy, and of the baseline for a difference.
    estimates : mapping of str to OffPolicyEstimate
        By estimator name; EMPTY where the verdict is "cannot be known", so that no number can
        be printed in passing.
    """

    outcome: str
    judgement: Judgement
    diagnostics: tuple[Diagnostics, ...]
    estimates: Mapping[str, OffPolicyEstimate]

    @property
    def best(self) -> OffPolicyEstimate | None:
        """The leading estimate: exact, else dr, else snips, else ips; None where refused."""
        return next((self.estimates[name] for name in _PREFERENCE if name in self.estimates), None)

    def require(self) -> OffPolicyEstimate:
        """Return the leading estimate, or say why there is none.

        Raises
        ------
        NotEvaluableError
            If the verdict is "cannot be known", or only DM was asked for; the message gives the reasons.
        """
        if (best := self.best) is None:
            reasons = "; ".join(self.judgement.reasons) or "only estimators without an interval were asked for"
            raise NotEvaluableError(f"{self.outcome} of this policy {self.judgement.verdict}: {reasons}")
        return best


def name_models(log: LoggedFeedback, q_hat: QHat) -> Tables:
    """Return predicted rewards as one table per outcome.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    q_hat : array-like, shape (n, K), mapping of str to such, or None
        A bare table is allowed where the log has one outcome.

    Returns
    -------
    mapping of str to ndarray, shape (n, K)
        Empty for None.

    Raises
    ------
    InvalidInputError
        If a bare table meets several outcomes, or a shape does not fit.
    """
    if q_hat is None:
        return {}
    if not isinstance(q_hat, Mapping):
        if len(log.outcomes) != 1:
            raise InvalidInputError(
                f"the log has outcomes {sorted(log.outcomes)}: pass q_hat as a mapping, one table each"
            )
        q_hat = {next(iter(log.outcomes)): q_hat}
    return {name: as_table(table, log.n, log.n_actions, f"q_hat of {name}") for name, table in q_hat.items()}


def sum_policies(
    log: LoggedFeedback, policies: list[ArrayLike | None], q_hat: QHat, options: EstimateOptions
) -> PolicySums:
    """Sum a whole log for some policies in one pass.

    Parameters
    ----------
    log : LoggedFeedback
        The whole log.
    policies : list of array-like, shape (n, K), or None
        Action probabilities; None for the logging policy as it ran.
    q_hat : array-like, mapping or None
        Predicted rewards.
    options : EstimateOptions
        What will be concluded.

    Returns
    -------
    PolicySums
        The sums.

    Raises
    ------
    InvalidInputError
        If policies or models do not fit the log.
    """
    models = name_models(log, q_hat)
    tables = [None if p is None else as_table(p, log.n, log.n_actions, "action_probs") for p in policies]
    return accumulate(log, tables, models, options.channels(bool(models)), feedback_rates(log))


def estimate(
    log: LoggedFeedback, action_probs: ArrayLike, q_hat: QHat = None, options: EstimateOptions | None = None
) -> dict[str, dict[str, OffPolicyEstimate]]:
    """Compute the bare estimates, without asking whether they can be believed.

    For arithmetic and tests. Use `evaluate` for a number that someone will act on.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    action_probs : array-like, shape (n, K)
        The policy's probability of each action on each logged request.
    q_hat : array-like, shape (n, K), mapping of str to such, or None
        Cross-fitted predicted reward (see `cross_fit`), per outcome.
    options : EstimateOptions, optional
        Which estimators, level, thresholds.

    Returns
    -------
    dict of str to dict of str to OffPolicyEstimate
        By outcome, then by estimator name.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a policy row is not a distribution, or an estimator cannot be computed.
    """
    options = options or EstimateOptions()
    sums = sum_policies(log, [action_probs], q_hat, options)
    return {outcome: conclude(sums, outcome, options) for outcome in log.outcomes}


def evaluate(
    log: LoggedFeedback, action_probs: ArrayLike, q_hat: QHat = None, options: EstimateOptions | None = None
) -> dict[str, Evaluation]:
    """Evaluate a policy on a log: estimates, diagnostics and verdict per outcome.

    Parameters
    ----------
    log, action_probs, q_hat, options
        As for `estimate`.

    Returns
    -------
    dict of str to Evaluation
        By outcome; a log with a bare reward has the one key "reward".

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a policy row is not a distribution, or an estimator cannot be computed.
    """
    options = options or EstimateOptions()
    return evaluate_sums(sum_policies(log, [action_probs], q_hat, options), options)


def evaluate_sums(sums: PolicySums, options: EstimateOptions | None = None, policy: int = 0) -> dict[str, Evaluation]:
    """Evaluate one policy from finished sums, such as those of a log read in parts.

    Parameters
    ----------
    sums : PolicySums
        Sums of the whole log.
    options : EstimateOptions, optional
        Must agree with the channels that were summed.
    policy : int
        Which policy, in the order given to `accumulate`.

    Returns
    -------
    dict of str to Evaluation
        By outcome.

    Raises
    ------
    InvalidInputError
        If an estimator cannot be computed.
    """
    out = {}
    for outcome in sums.outcomes:
        view = OutcomeView(sums, outcome)
        figures = diagnose_view(view, policy)
        judgement = judge(figures)
        found = {} if judgement.refused else conclude_view(view, options or EstimateOptions(), policy)
        out[outcome] = Evaluation(outcome=outcome, judgement=judgement, diagnostics=(figures,), estimates=found)
    return out


def evaluate_difference(
    log: LoggedFeedback,
    action_probs: ArrayLike,
    baseline_probs: ArrayLike | None = None,
    q_hat: QHat = None,
    options: EstimateOptions | None = None,
) -> dict[str, Evaluation]:
    """Evaluate "new minus old" request by request, the question behind a promotion.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    action_probs : array-like, shape (n, K)
        The new policy.
    baseline_probs : array-like, shape (n, K), or None
        The old policy; None for the logging policy as it ran, whose weights are 1.
    q_hat, options
        As for `estimate`.

    Returns
    -------
    dict of str to Evaluation
        By outcome; values are differences, and the verdict is the worse of the two policies'.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, a policy row is not a distribution, or an estimator cannot be computed.
    """
    options = options or EstimateOptions()
    return evaluate_difference_sums(sum_policies(log, [action_probs, baseline_probs], q_hat, options), options)


def evaluate_difference_sums(
    sums: PolicySums, options: EstimateOptions | None = None, pair: tuple[int, int] = (0, 1)
) -> dict[str, Evaluation]:
    """Evaluate "new minus old" from finished sums, such as those of a log read in parts.

    Parameters
    ----------
    sums : PolicySums
        Sums of the whole log for both policies.
    options : EstimateOptions, optional
        Must agree with the channels that were summed.
    pair : tuple of int
        New and old, in the order given to `accumulate`.

    Returns
    -------
    dict of str to Evaluation
        By outcome, as from `evaluate_difference`.

    Raises
    ------
    InvalidInputError
        If an estimator cannot be computed.
    """
    out = {}
    for outcome in sums.outcomes:
        view = OutcomeView(sums, outcome)
        figures = tuple(diagnose_view(view, policy) for policy in pair)
        judgement = _worse(judge(figures[0]), judge(figures[1]))
        found = {} if judgement.refused else conclude_pair(view, options or EstimateOptions(), pair)
        out[outcome] = Evaluation(outcome=outcome, judgement=judgement, diagnostics=figures, estimates=found)
    return out


def _worse(policy: Judgement, baseline: Judgement) -> Judgement:
    """Join two judgements: the worse verdict, the reasons of both that support it."""
    rank = ["sound", "approximate", "cannot be known"]
    worst = max(policy.verdict, baseline.verdict, key=rank.index)
    parts = [("", policy), ("baseline: ", baseline)]
    reasons = [lead + reason for lead, j in parts if j.verdict == worst for reason in j.reasons]
    notes = tuple(dict.fromkeys(policy.notes + baseline.notes))
    return Judgement(verdict=worst, reasons=tuple(reasons), notes=notes)
