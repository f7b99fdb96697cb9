"""The write-ahead log that a killed process leaves beside its journal: whether acknowledged events were lost in it.

SQLite takes from such a log all transactions up to the first frame that is not what was written, and drops the rest
without a word. After a kill or a power failure the rest is at most one transaction: the next begins only when the one
before is on disk. So two or more that were completed (their last frame says so) behind the first bad frame mean that
something acknowledged was changed afterwards. One alone cannot be told from a write that a power failure cut off; then
the journal ends one event earlier.

Source: SQLite, Database File Format, section 4.
"""

from __future__ import annotations

import struct

HEADER, FRAME = 32, 24  # bytes before all frames, and before the page of each
MAGIC = (0x377F0682, 0x377F0683)  # checksums of little-endian and of big-endian words
WORD = 1 << 32


def dropped(data: bytes, page: int, frames: int) -> int:
    """How many completed transactions there are behind the frames that SQLite accepts.

    Args:
        data: the file.
        page: bytes of a page.
        frames: how many SQLite accepts, from the first.
    """
    size = FRAME + page
    heads = [data[place : place + FRAME] for place in range(HEADER, len(data) - size + 1, size)]
    if frames >= len(heads):
        return 0
    # Frames behind those of this log are from the one before, which was taken over: their salts differ.
    salts = data[16:24] if _intact(data) else heads[0][8:16]
    own = [place for place, head in enumerate(heads) if head[8:16] == salts]
    rest = heads[frames : max(own, default=-1) + 1]
    return sum(1 for head in rest if head[4:8] != bytes(4))  # the last frame of a transaction has the file's length


def _intact(data: bytes) -> bool:
    """Whether the head of the log has its checksum."""
    if int.from_bytes(data[:4]) not in MAGIC:
        return False
    words = struct.unpack("<6I" if data[3] == MAGIC[0] & 255 else ">6I", data[:24])
    first = second = 0
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) % WORD
        second = (second + other + first) % WORD
    return data[24:HEADER] == struct.pack(">2I", first, second)
