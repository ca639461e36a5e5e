"""Which converter reads which set; one that does not find the shape it knows says so."""

from collections.abc import Callable, Mapping

from arbiter.errors import DownloadError, TrafficError
from arbiter_training.public_sets import label_converters, traffic_converters
from arbiter_training.public_sets.content import Columns
from arbiter_training.public_sets.label_converters import Files
from arbiter_training.public_sets.manifest import PublicSet

CONVERTERS: Mapping[str, Callable[[Files], Columns]] = {
    "clinc150": label_converters.clinc150,
    "openai_moderation": label_converters.openai_moderation,
    "catqa_harmful": label_converters.catqa_harmful,
    "prompt_injection": label_converters.prompt_injection,
    "cyber_benign_borderline": label_converters.cyber_benign_borderline,
    "llmrouter_train": traffic_converters.llmrouter_train,
    "gsm8k_gpt4_mixtral": traffic_converters.gsm8k_gpt4_mixtral,
    "paretobandit_val_k3": traffic_converters.paretobandit_val_k3,
    "paretobandit_val_k4": traffic_converters.paretobandit_val_k4,
    "paretobandit_train_part_k3": traffic_converters.paretobandit_train_part_k3,
}
"""Name of the set to its converter: every set that the manifest can fetch has one."""


def convert(entry: PublicSet, files: Files) -> Columns:
    """Convert the raw files of a set.

    Parameters
    ----------
    entry : of the manifest.
    files : its raw files, by the names of the manifest.

    Returns
    -------
    columns : name to cells.

    Raises
    ------
    DownloadError
        If a file is not of the shape that its converter knows.
    """
    try:
        return CONVERTERS[entry.name](files)
    except TrafficError as error:
        raise DownloadError(f"{entry.name}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        names = ", ".join(files)
        message = f"{entry.name}: {names}: not of the shape that this version converts ({error!r:.120})"
        raise DownloadError(f"{message}; see {entry.source}") from error
