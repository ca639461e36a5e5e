"""Quality of another list of candidates than the one that was learned: kept, dropped, or lent by relatives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.quality import QualityModel
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.state import State, known_reader

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedQuality:
    """Each candidate's quality as a weighted mean of those that the model beneath was fitted on, plus a shift.

    Attributes
    ----------
    base : predicts K candidates.
    mixing : (K', K), rows of sum 1; a candidate that was learned has one 1.
    shift : (K',) added to the mean, in quality points.
    variance : (K',) added to the squared standard error.
    """

    base: QualityModel
    mixing: FloatArray
    shift: FloatArray
    variance: FloatArray

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """See :meth:`arbiter.estimates.quality.QualityModel.predict`."""
        mean, error = self.base.predict(batch, heads)
        lent = np.clip(mean @ self.mixing.T + self.shift, 0.0, 1.0)
        return lent, np.sqrt(error**2 @ (self.mixing**2).T + self.variance)

    def mixed(self, mixing: FloatArray, shift: FloatArray, variance: FloatArray) -> "AdoptedQuality":
        """Give the model over yet another list, whose rows are means of this one's; one layer, however often."""
        return AdoptedQuality(
            base=self.base,
            mixing=mixing @ self.mixing,
            shift=mixing @ self.shift + shift,
            variance=mixing**2 @ self.variance + variance,
        )

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        arrays = {"mixing": self.mixing, "shift": self.shift, "variance": self.variance}
        return State(kind="adopted_quality", arrays=arrays, parts={"base": self.base.to_state()})

    @classmethod
    def from_state(cls, state: State, kinds: Mapping[str, Callable[[State], QualityModel]]) -> "AdoptedQuality":
        """Rebuild from a bundle; ``kinds`` reads the model beneath."""
        arrays = {name: array.astype(np.float64) for name, array in state.arrays.items()}
        beneath = state.parts["base"]
        return cls(base=known_reader(kinds, beneath, "quality")(beneath), **arrays)


def adopted(quality: QualityModel, mixing: FloatArray, shift: FloatArray, variance: FloatArray) -> AdoptedQuality:
    """Give the quality of another list of candidates; see :class:`AdoptedQuality`."""
    if isinstance(quality, AdoptedQuality):
        return quality.mixed(mixing, shift, variance)
    return AdoptedQuality(base=quality, mixing=mixing, shift=shift, variance=variance)
