"""The gatekeeper's method as a scikit-learn estimator."""

import pickle
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from arbiter.intake import read_request
from arbiter_training.gatekeeper.classifier import GatekeeperClassifier

TEXTS = [f"integrate the function number {i} and prove it" for i in range(12)] + [
    f"write a poem about autumn leaf {i} and love" for i in range(12)
]
LABELS = ["maths"] * 12 + ["poetry"] * 12


class ForNumbers(GatekeeperClassifier):
    """Claims to take matrices, so that scikit-learn runs all its checks: with the true tags it skips them."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def test_the_checks_that_do_not_feed_numbers_pass() -> None:
    """All of check_estimator passes but for the checks that feed numbers, which are refused by name.

    For input of one dimension scikit-learn flattens its matrices, and some checks then index what they flattened
    themselves: these end in its own IndexError before the estimator is asked anything.
    """
    results = check_estimator(ForNumbers(iterations=0), on_fail=None, on_skip=None)
    failed = [r for r in results if r["status"] == "failed"]
    reasons = ("list of texts", "array is 1-dimensional, but 2 were indexed")
    unexpected = [r["check_name"] for r in failed if not any(reason in _chain(r["exception"]) for reason in reasons)]
    assert unexpected == []
    assert sum(r["status"] == "passed" for r in results) >= 17


STEPS = np.linspace(-3, 3, 25)


class OfNumbers(GatekeeperClassifier):
    """Spells rows of numbers as texts, a word for each step that a value exceeds, and hands them on.

    So scikit-learn's checks, which know numbers alone, look at everything behind the input: what fitting learns and
    leaves alone, order, subsets, repeated and pickled fits, labels of all kinds. Only the check of the matrix itself is
    scikit-learn's own function.
    """

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Fit on spelled rows."""
        numbers, labels = validate_data(self, X, y)
        check_classification_targets(labels)
        return super().fit(spelled(numbers), labels)

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Give the probabilities of spelled rows."""
        check_is_fitted(self)
        return super().predict_proba(spelled(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        return tags


def spelled(rows: np.ndarray) -> list[str]:
    return [
        " ".join(["row", *(f"c{j}a{k}" for j, value in enumerate(row[:12]) for k in np.flatnonzero(value > STEPS))])
        for row in rows
    ]


@pytest.mark.slow
@parametrize_with_checks([OfNumbers(iterations=0)])
def test_all_of_scikit_learns_checks_pass_on_spelled_numbers(estimator: Any, check: Any) -> None:
    """None is expected to fail; scikit-learn itself skips the one of other array libraries."""
    check(estimator)


def test_a_fitted_model_can_be_sent_to_other_processes() -> None:
    """As parallel searches do; the copy predicts the same bits."""
    model = GatekeeperClassifier(iterations=2).fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))


def _chain(error: BaseException | None) -> str:
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__ or error.__context__
    return " | ".join(parts)


@pytest.mark.parametrize("iterations", [0, 5])
def test_it_learns_labels_of_any_kind(iterations: int) -> None:
    """Probabilities sum to one, and the labels come back as they were given."""
    model = GatekeeperClassifier(iterations=iterations).fit(TEXTS, LABELS)
    probabilities = model.predict_proba(["a poem of leaves", "prove the function"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert model.predict(["a poem of leaves", "prove the function"]).tolist() == ["poetry", "maths"]


def test_the_same_seed_gives_the_same_model() -> None:
    """Fitting twice, or a clone, gives the same probabilities to the last bit."""
    model = GatekeeperClassifier(iterations=3, seed=4)
    first = model.fit(TEXTS, LABELS).predict_proba(TEXTS)
    np.testing.assert_array_equal(clone(model).fit(TEXTS, LABELS).predict_proba(TEXTS), first)


def test_it_stands_in_pipelines_and_cross_validation() -> None:
    """Scikit-learn's own tools take it."""
    model = make_pipeline(GatekeeperClassifier(iterations=0))
    assert cross_val_score(model, TEXTS, LABELS, cv=3).mean() > 0.9


def test_wrong_input_is_refused_with_its_reason() -> None:
    """Numbers, other lengths, one class, and asking before fitting are errors."""
    with pytest.raises(ValueError, match="list of texts"):
        GatekeeperClassifier().fit([[1.0, 2.0]], [0])
    with pytest.raises(ValueError, match="one label per text"):
        GatekeeperClassifier().fit(TEXTS, LABELS[:-1])
    with pytest.raises(ValueError, match="one class"):
        GatekeeperClassifier().fit(TEXTS, ["a"] * 24)
    with pytest.raises(NotFittedError):
        GatekeeperClassifier().predict(TEXTS)


def test_rare_words_are_restrained_less() -> None:
    """On paper: of four texts, a word of all weighs log(5/5) + 1 and a word of one log(5/2) + 1; statistics a half."""
    texts = [f"same {word}" for word in ("amber", "basin", "cedar", "delta")]
    fitted = GatekeeperClassifier(iterations=0).fit(texts, ["a", "a", "b", "b"])
    rarity = fitted.column_scale_[256 : -len(fitted.features_.dense_names)]
    counts = np.asarray((fitted.features_.transform([read_request(t) for t in texts]).ngrams.to_csr() > 0).sum(axis=0))
    assert set(np.round(rarity[counts.ravel() == 4], 6)) == {1.0}
    assert set(np.round(rarity[counts.ravel() == 1], 6)) == {round(np.log(2.5) + 1, 6)}
    assert set(fitted.column_scale_[-3:]) == {0.5}
