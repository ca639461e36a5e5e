"""Public sets by manifest: fetched, checked, converted to the project's tables. Nothing that is fetched is run.

A set is one Parquet file, ``labels/NAME.parquet`` or ``traffic/NAME.parquet``, in a folder that the recipes take. Two
things guard it: the sha256 of each raw file, where it is known, before anything reads the file; and the *content
digest* of the converted rows (:mod:`~arbiter_training.public_sets.content`), which is known for every set. So a source
that changed, a mirror that is wrong and a converter that is wrong are all found out.
"""

from arbiter_training.public_sets.bring import Brought, bring
from arbiter_training.public_sets.content import content_digest, locate
from arbiter_training.public_sets.download import Patience, Say
from arbiter_training.public_sets.manifest import PublicSet, RawFile, manifest_path, read_manifest

__all__ = [
    "Brought",
    "Patience",
    "PublicSet",
    "RawFile",
    "Say",
    "bring",
    "content_digest",
    "locate",
    "manifest_path",
    "read_manifest",
]
