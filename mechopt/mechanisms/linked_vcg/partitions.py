"""Linked VCG on reports that do not fit into memory: Parquet files in one folder a date, read date by date.

Memory is one date of reports, three and a half tables of the bounds' size and one batch of rows, whatever the number
of dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mechopt import exact
from mechopt.arrays import ordered
from mechopt.errors import InstanceError
from mechopt.mechanisms.linked_vcg.environment import Environment, Names
from mechopt.mechanisms.linked_vcg.inner import Limits
from mechopt.mechanisms.linked_vcg.market import Market
from mechopt.mechanisms.linked_vcg.mechanism import knapsack, outcome_of
from mechopt.outcome import Outcome
from mechopt.tasks import Progress

BATCH = 1 << 18  # rows read at a time
COLUMNS = ("agent", "type", "quantity")


def run_parquet(
    source: str | Path,
    *,
    stock: ArrayLike,
    types: ArrayLike,
    upper: ArrayLike,
    lower: ArrayLike | None = None,
    discount: Any = 1,
    names: Names | None = None,
    units: str = "",
    limits: Limits | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """The linked VCG mechanism on partitioned Parquet, one date in memory at a time.

    Args:
        source: a folder with one folder `date=NAME` a date, each with Parquet files of the columns agent, type and
            quantity; what is not there is 0. Dates come in the order of their numbers, or else of their names.
        stock: shape (resources,), as in `Environment`.
        types: shape (types, resources).
        upper: largest averages, shape (agents, types); agents in the paper's order, the principal last.
        lower: least averages, shape (agents, types); 0.
        discount: beta in (0, 1].
        names: of agents, types and resources, as the files spell them; numbers from 1 where there are none.
        units: of the payoff.
        limits: when to stop searching for the transfer of an agent who is not small.
        workers: processes for those searches.
        progress: called as progress(dates allocated, dates).

    Returns:
        As `run`, in floats; the retraction is counted in a warning, not listed.

    Raises:
        InstanceError: names the file, column and row at fault; or an extra is missing.

    Source: zhu2021, Section 4.
    """
    names = names or Names()
    width = np.shape(upper)
    terms = Environment(
        stock=np.asarray(stock), types=np.asarray(types), endowments=np.zeros((width[0], 1, *width[1:])),
        lower=np.zeros(width) if lower is None else np.asarray(lower), upper=np.asarray(upper), discount=discount,
        names=Names(agents=names.agents, types=names.types, resources=names.resources), units=units,
    )  # fmt: skip
    reader = Partitions(source, terms.agent_names, terms.type_names)
    market = Market(
        knapsack(terms), terms.lower, terms.upper, dates=len(reader.dates), discount=terms.discount, limits=limits
    )
    changed, investments = np.zeros((len(terms.upper), 1), dtype=bool), []
    for number, date in enumerate(reader.dates, 1):
        reports = reader.reports(date)
        allocated = market.allocate(reports, name=date)
        if allocated.reports is not reports:
            changed |= (allocated.reports != reports).any(axis=1, keepdims=True)
        investments.append(allocated.investment)
        if progress is not None:
            progress(number, len(reader.dates))
    settlement = market.settle(workers=workers)
    return outcome_of(terms, reader.dates, settlement, investments, changed, limits=limits)


class Partitions:
    """Reports by date.

    Args:
        source: the folder.
        agents: their names, in order.
        types: their names, in order.
    """

    def __init__(self, source: str | Path, agents: Sequence[str], types: Sequence[str]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise InstanceError(
                f"{error.name} is not installed; pip install 'mechopt[big]' brings it", key="run_parquet"
            ) from None
        self._parquet = parquet
        self._names = {"agent": agents, "type": types}
        self._texts = {axis: pa.array(names, type=pa.string()) for axis, names in self._names.items()}
        self._numbers = {
            axis: texts.cast(pa.int64()) if all(name.isdecimal() and str(int(name)) == name for name in names) else None
            for (axis, names), texts in zip(self._names.items(), self._texts.values(), strict=True)
        }
        folders = {unquote(path.name.partition("=")[2]): path for path in sorted(Path(source).glob("date=*"))}
        if not folders:
            raise InstanceError("has no folder date=NAME", file=source)
        self._folders, self.dates = folders, ordered(list(folders))

    def reports(self, date: str) -> NDArray[np.float64]:
        """The reports of one date, shape (agents, types).

        Raises:
            InstanceError: a name that is not known, a cell that occurs twice, or a quantity that is none.
        """
        shape = len(self._names["agent"]), len(self._names["type"])
        result = np.full(shape[0] * shape[1], np.nan)
        last = np.empty(len(result), dtype=np.int32)  # row of the batch that wrote a cell
        for file, first, batch in self._batches(date):
            places = [self._places(batch.column(number), name, file, first) for number, name in enumerate(COLUMNS[:2])]
            quantity = batch.column(2).to_numpy(zero_copy_only=False).astype(np.float64)
            bad = ~((quantity >= 0) & (quantity < np.inf))
            if bad.any():
                row = int(bad.argmax())
                shown = "empty" if batch.column(2)[row].as_py() is None else str(batch.column(2)[row])
                raise InstanceError(f"must be finite and at least 0, not {shown}", file=file, key="quantity",
                                    row=first + row + 1)  # fmt: skip
            flat = places[0] * shape[1] + places[1]
            last[flat] = np.arange(len(flat), dtype=np.int32)
            twice = ~np.isnan(result[flat])
            twice[last[flat[last[flat] != np.arange(len(flat))]]] = True  # rows that have overwritten another
            if twice.any():
                raise InstanceError("this agent and type occur twice at this date", file=file, key="agent",
                                    row=first + int(twice.argmax()) + 1)  # fmt: skip
            result[flat] = quantity
        np.nan_to_num(result, copy=False, nan=0.0)
        return result.reshape(shape)

    def _batches(self, date: str) -> Iterator[tuple[Path, int, Any]]:
        """File, first row and columns."""
        files = sorted(self._folders[date].rglob("*.parquet"))
        if not files:
            raise InstanceError("has no Parquet file", file=self._folders[date])
        for path in files:
            row = 0
            try:
                with self._parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
                    missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
                    if missing:
                        raise InstanceError(f"column {missing[0]!r} is missing", file=path)
                    for batch in file.iter_batches(batch_size=BATCH, columns=list(COLUMNS)):
                        yield path, row, batch.select(list(COLUMNS))
                        row += batch.num_rows
            except InstanceError:
                raise
            except (OSError, ValueError, NotImplementedError) as error:  # ArrowInvalid is a ValueError
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                raise InstanceError(f"is not readable as Parquet: {reason}", file=path) from None

    def _places(self, column: Any, axis: str, file: Path, first: int) -> NDArray[np.intp]:
        """The number of each row's name."""
        import pyarrow as pa
        import pyarrow.compute as compute

        names, numbers = self._names[axis], self._numbers[axis]
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_integer(column.type) and numbers is not None:
            found = compute.index_in(column.cast(pa.int64()), value_set=numbers)
        elif (
            pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        ):
            found = compute.index_in(column.cast(pa.string()), value_set=self._texts[axis])
        else:
            raise InstanceError(f"must be names, not {column.type}", file=file, key=axis)
        if found.null_count:
            row = int(compute.index(found.is_null(), True).as_py())
            value = column[row].as_py()
            what = "is empty" if value is None else f"{exact.show(value)} is not one of the {len(names)} {axis}s"
            raise InstanceError(what, file=file, key=axis, row=first + row + 1)
        return found.to_numpy(zero_copy_only=False).astype(np.intp)
