"""The rivals by name, made ready for a traffic."""

from pathlib import Path

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.policies.protocol import FloatArray
from arbiter.strategies import STRATEGIES
from arbiter_training.paretobandit import OWN_MODELS, write_priors
from arbiter_training.simulator.linear_rivals import LinUCB
from arbiter_training.simulator.pareto_rival import ParetoBandit, features_of
from arbiter_training.simulator.rivals import Rival
from arbiter_training.simulator.stream import Player
from arbiter_training.teacher import teacher_named

COLD, WARM, PARETO = "linucb-cold", "linucb-warm", "paretobandit"
RIVALS = (COLD, WARM, PARETO)
"""Plain LinUCB from nothing and from the rows that are in no stream, and ParetoBandit (extras [demo] and [minilm])."""


def require_rivals(names: tuple[str, ...]) -> None:
    """Check names.

    Raises
    ------
    InvalidInputError
        If one is not in ``RIVALS``.
    """
    unknown = [name for name in names if name not in RIVALS]
    if unknown:
        raise InvalidInputError(f"no rival {', '.join(unknown)}; there are {', '.join(RIVALS)}")


def rivals_of(names: tuple[str, ...], player: Player, cache: str, folder: Path) -> tuple[Rival, ...]:
    """Make rivals.

    Parameters
    ----------
    names : out of ``RIVALS``.
    player : gives the traffic, and arbiter's features and expected costs, which LinUCB shares.
    cache : folder that keeps the MiniLM's vectors between runs; empty keeps none.
    folder : for files that the rivals read while they play.

    Raises
    ------
    InvalidInputError
        If a name is unknown.
    MissingExtraError
        If a rival's package is not installed.
    """
    require_rivals(names)
    found: list[Rival] = []
    for name in dict.fromkeys(names):
        found.append(_pareto(player, cache, folder) if name == PARETO else _linucb(player, name == WARM))
    return tuple(found)


def _linucb(player: Player, warm: bool) -> LinUCB:
    settings = player.router.settings
    worth = settings.weights(STRATEGIES[settings.strategy].objective).quality_per_usd
    return LinUCB.of(player, worth, warm)


def _pareto(player: Player, cache: str, folder: Path) -> ParetoBandit:
    encoder = teacher_named("minilm", cache)
    assert encoder is not None
    truth, known = player.truth, player.scored_from
    offline = features_of(known, encoder)
    own = set(truth.models) <= OWN_MODELS
    return ParetoBandit(
        models=truth.models,
        features=features_of(truth, encoder),
        offline=offline,
        catalog=player.router.catalog,
        priors=None if own else _priors(offline, known.quality, truth.models, folder / "priors.joblib"),
    )


def _priors(features: FloatArray, quality: FloatArray, models: tuple[str, ...], path: Path) -> Path | None:
    """Write the priors that the offline rows give; None, a cold start, where they are not fully judged."""
    if np.isnan(quality).any():
        return None
    return write_priors(features, dict(zip(models, quality.T, strict=True)), path)
