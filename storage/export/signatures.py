"""What a dialogue is told by from those that say nearly the same: the MinHash of its three-word sequences.

Whole dialogues are compared, without their seed: the replies of one dialogue share what was said before them, and so
are nearly the same by nature.
"""

from __future__ import annotations

import re
import zlib
from functools import cache

import numpy as np
from datasketch import MinHash

from storage.export.near_duplicates import VALUES
from storage.export.talks import Talk

# Dialogues of a few words have too few sequences to be compared; those that are exactly the same are found anyway.
_FEWEST_WORDS = 12

_WORD = re.compile(r"\w+")


def signature(talk: Talk) -> bytes | None:
    """Return the signature of a dialogue, `VALUES` numbers of 32 bits; None where it is too short to have one."""
    words = [word for said in talk.kept for word in _WORD.findall(said.text.casefold())]
    if len(words) < _FEWEST_WORDS:
        return None
    shingles = set(map(" ".join, zip(words, words[1:], words[2:], strict=False)))
    minhash = _minhash()
    minhash.clear()
    minhash.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in shingles])
    values: bytes = minhash.digest().astype(np.uint32).tobytes()
    return values


@cache
def _minhash() -> MinHash:
    # Its permutations take longer to make than a signature takes, so there is one for all.
    return MinHash(num_perm=VALUES, hashfunc=zlib.crc32)
