"""Run by the tests: children that write to one journal are killed at random instants; the journal must lose nothing.

    python killed.py FOLDER KILLS SEED

A child acknowledges every event on a pipe after it is durable. The parent kills it (SIGKILL) after a random time, opens
the journal, and compares it with what was acknowledged. Children are forked, so that many kills take seconds.
"""

import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from mechopt.mechanisms.limited_liability.allocator.allocator import Allocator, commitment

NAMES = ["a", "b", "c"]
DECISIONS = ["x", "y"]
EACH = 40  # kills of one journal


def work(path: Path, pipe: int, seed: int) -> None:
    """Go on with the protocol from wherever the journal stands, without end."""
    generator = random.Random(seed)
    with Allocator.open(path) as allocator:
        while True:
            os.write(pipe, f"{step(allocator, generator)}\n".encode())


def step(allocator: Allocator, generator: random.Random) -> int:
    """The next event of the protocol; values are a function of period and agent: nobody has to remember them."""

    def values(agent: str) -> list[int]:
        mixed = random.Random(f"{allocator.period}{agent}")
        return [mixed.randrange(10) for _ in DECISIONS]

    if allocator.state == "decided":
        outputs = {name: [generator.randrange(10) for _ in NAMES] for name in allocator.candidates}
        return allocator.observe(outputs).seq
    if allocator.state == "observed":
        return allocator.settle().seq
    for place, name in enumerate(NAMES):
        if place not in allocator.commitments:
            return allocator.commit(name, commitment(values(name), "n")).seq
    for place, name in enumerate(NAMES):
        if place not in allocator.reports:
            return allocator.report(name, values(name), "n").seq
    return allocator.decide().seq


def drained(pipe: int) -> bytes:
    """All that is left in a pipe, which is closed."""
    with os.fdopen(pipe, "rb") as file:
        return file.read()


def main() -> None:
    """Kill, compare, and go on."""
    folder, kills, generator = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    path, kept, events, periods = folder, list[str](), 0, 0
    for kill in range(kills):
        if kill % EACH == 0:  # every opening replays the whole journal, so it is kept short
            path, events = folder / f"{kill}.journal", events + len(kept)
            with Allocator.create(path, {"agents": NAMES, "decisions": DECISIONS, "output_bound": 9}) as allocator:
                kept = [event.hash for event in allocator.journal.events()]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                work(path, writer, kill)
            finally:
                os._exit(1)
        os.close(writer)
        select.select([reader], [], [], 10)  # the first event is there: the child is at work
        time.sleep(generator.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        acknowledged = drained(reader).decode().split()
        with Allocator.open(path) as allocator:
            hashes = [event.hash for event in allocator.journal.events()]
            periods = max(periods, len(allocator.periods))
        lost = [seq for seq in acknowledged if int(seq) > len(hashes)]
        if lost or hashes[: len(kept)] != kept or len(set(hashes)) < len(hashes):
            sys.exit(f"kill {kill}: acknowledged {acknowledged}, but the journal has {len(hashes)} events")
        if len(hashes) - len(kept) > len(acknowledged) + 1:
            sys.exit(f"kill {kill}: {len(hashes) - len(kept)} new events for {len(acknowledged)} acknowledged")
        kept = hashes
    print(events + len(kept), periods)


if __name__ == "__main__":
    main()
