"""Aircraft landing as the OR-Library has it: planes with windows, targets and separations.

Source: Beasley, Krishnamoorthy, Sharaiha and Abramson, Scheduling aircraft landings, 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path

from mechopt import exact
from mechopt.errors import InstanceError

LARGEST = 500  # planes; the library's largest instance
NUMBERS = ("appearance", "earliest", "target", "latest", "early_cost", "late_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """One plane's landing window and costs.

    Attributes:
        appearance: when it is first seen.
        earliest: E_i.
        target: T_i, where landing costs nothing.
        latest: L_i.
        early_cost: g_i per unit of time before the target.
        late_cost: h_i per unit of time after it.
    """

    appearance: Fraction
    earliest: Fraction
    target: Fraction
    latest: Fraction
    early_cost: Fraction
    late_cost: Fraction

    def cost(self, time: Fraction) -> Fraction:
        """The cost of landing at a time inside the window."""
        early, late = self.target - time, time - self.target
        return self.early_cost * early if early > 0 else self.late_cost * late


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Planes for one runway.

    Attributes:
        planes: in the file's order.
        separation: S_ij, time between landing i and a later landing j, [i][j]; the diagonal is not used.
        freeze: freeze time, kept for the dynamic problem; the static one does not use it.
        file: where it was read.
    """

    planes: tuple[Plane, ...]
    separation: tuple[tuple[Fraction, ...], ...]
    freeze: Fraction = Fraction(0)
    file: str = ""


def read(path: Path, *, key: str = "sequence.aircraft_landing") -> Landing:
    """The instance in an OR-Library file.

    Raises:
        InstanceError: names the file, the plane and the number at fault.
    """
    name = path.name

    def wrong(problem: str, plane: int | None = None) -> InstanceError:
        return InstanceError(problem, file=path, key=f"{key}: plane" if plane is not None else key, row=plane)

    try:
        if path.is_dir() or not path.is_file():
            raise wrong("there is no such file")
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError:
        raise wrong("is not a text file of numbers") from None
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}") from None
    tokens = text.split()
    numbers: list[Fraction] = []
    for place, token in enumerate(tokens, 1):
        try:
            numbers.append(Fraction(exact.parse(token)))
        except ValueError as error:
            raise wrong(f"{error} (number {place} of the file)") from None
    if len(numbers) < 2:
        raise wrong("begins with the number of planes and the freeze time; the file is too short")
    count = numbers[0]
    if count.denominator != 1 or not 1 <= count <= LARGEST:
        raise wrong(f"{exact.show(count)} is not a number of planes between 1 and {LARGEST}")
    planes = int(count)
    needed = 2 + planes * (6 + planes)
    if len(numbers) != needed:
        raise wrong(f"{planes} planes need {needed} numbers (6 and {planes} separations each), not {len(numbers)}")
    found, gaps = [], []
    for place in range(planes):
        start = 2 + place * (6 + planes)
        plane = Plane(**dict(zip(NUMBERS, numbers[start : start + 6], strict=True)))
        gap = tuple(numbers[start + 6 : start + 6 + planes])
        _check(plane, gap, place, wrong)
        found.append(plane)
        gaps.append(gap)
    for i, j in combinations(range(planes), 2):
        one, two = found[i], found[j]
        if one.earliest + gaps[i][j] > two.latest and two.earliest + gaps[j][i] > one.latest:
            raise wrong(
                f"its window [{exact.show(one.earliest)}, {exact.show(one.latest)}] leaves no room for plane {j + 1}, "
                f"[{exact.show(two.earliest)}, {exact.show(two.latest)}], whichever of them lands first", i + 1,
            )  # fmt: skip
    return Landing(planes=tuple(found), separation=tuple(gaps), freeze=numbers[1], file=name)


def _check(plane: Plane, gap: tuple[Fraction, ...], place: int, wrong: object) -> None:
    problem = ""
    if not plane.earliest <= plane.target <= plane.latest:
        problem = (f"earliest {exact.show(plane.earliest)}, target {exact.show(plane.target)} and latest "
                   f"{exact.show(plane.latest)} must not decrease")  # fmt: skip
    elif plane.early_cost < 0 or plane.late_cost < 0:
        problem = "a cost per unit of time is at least 0"
    elif any(value < 0 for other, value in enumerate(gap) if other != place):
        problem = "a separation is at least 0"
    if problem:
        raise wrong(problem, place + 1)  # type: ignore[operator]  # the reader's own error maker
