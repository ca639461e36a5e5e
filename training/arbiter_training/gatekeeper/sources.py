"""Which labelled prompts share a source: what is left out together, dealt to folds together and weighed together.

What a classifier learns of one writer's style does not help on another's. So a source is a *hand* (an author or a
group of authors whose files each spread over all fields) or a public set, and is held out whole. Files that hold one
field only (``law_02``) cannot be: without them there is no law. They are dealt to two hands, whole, half of each field
to either, which keeps a file's rows together and hides less than a new hand does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter_training.gatekeeper.data import FloatArray, IntArray
from arbiter_training.gatekeeper.public_sets import SETS
from arbiter_training.student import assign_folds

FIELD_HANDS = ("fields_a", "fields_b")
"""Names of the two halves of the files that hold one field each."""


def source_of(name: str) -> str:
    """Give the source of a file: ``law_02`` is of the source ``law``; other names are sources themselves."""
    stem, _, number = name.rpartition("_")
    return stem if stem and number.isdigit() else name


def groups_of_sources(files: Sequence[str], hands: Sequence[str], seed: int) -> NDArray[np.str_]:
    """Give the group that each prompt is held out with.

    Parameters
    ----------
    files : n names of the file that each prompt comes from.
    hands : sources that each spread over all fields.
    seed : of the deal of one-field files to the two halves.

    Returns
    -------
    groups : (n,) names: a hand, a public set, or one of ``FIELD_HANDS``.
    """
    whole = {*hands, *SETS}
    fields: dict[str, list[str]] = {}
    for file in sorted(set(files)):
        if source_of(file) not in whole:
            fields.setdefault(source_of(file), []).append(file)
    rng = np.random.default_rng(seed)
    group_of = {file: source_of(file) for file in files}
    start = 0
    for names in fields.values():
        for position, file in enumerate(rng.permutation(names).tolist(), start):
            group_of[file] = FIELD_HANDS[position % len(FIELD_HANDS)]
        start += len(names)  # fields with an odd number of files take turns
    return np.array([group_of[file] for file in files])


def source_folds(groups: NDArray[np.str_], n_folds: int, seed: int) -> IntArray:
    """Deal groups whole to folds, as even as they can be; fewer groups than folds give a fold each.

    So what the cross-validation chooses (penalty, blend, temperature, thresholds) is chosen on sources that the model
    did not see, and the trees learn how far the linear scores can be trusted there.

    Raises
    ------
    InvalidInputError
        If there is one group only: nothing could be held out.
    """
    n_groups = len(np.unique(groups))
    return assign_folds(groups.tolist(), max(2, min(n_folds, n_groups)), seed)


def source_weights(files: Sequence[str], cap: float) -> FloatArray:
    """Weigh each prompt so that no file or public set counts for more than ``cap`` prompts; others keep weight 1.

    Public sets are large and each holds one style, often one class: at their own size they decide what a short
    question is, and the authored prompts do not.
    """
    _, inverse, counts = np.unique(np.array(files), return_inverse=True, return_counts=True)
    return np.asarray(np.minimum(1.0, cap / counts)[inverse], dtype=np.float64)
