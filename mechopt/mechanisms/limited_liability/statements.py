"""What one agent is told: what it owes, why it paid, when it was left out, and what would have happened without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mechopt.errors import InstanceError
from mechopt.mechanisms.limited_liability import audit
from mechopt.mechanisms.limited_liability.audit import Array, Books
from mechopt.mechanisms.limited_liability.environment import Environment
from mechopt.mechanisms.limited_liability.mechanism import run
from mechopt.outcome import Outcome
from mechopt.program import to_float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """What one agent is told.

    Attributes:
        agent: its name.
        summary: produced, paid, kept, debt at the end, how often it was left out, and how often that mattered.
        tables: "periods", one row a period: decision, without_you (the decision of everybody else), cost_to_others
            (what its statement costs the others, in their stated values), heard, debt_before, probability_left_out,
            probability_changed (of a decision that is not everybody's because of it), output, paid, debt_after.
        words: the summary and the last period in sentences.
    """

    agent: str
    summary: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    words: str

    def __str__(self) -> str:
        return self.words


def statement(environment: Environment, agent: int | str, *, outcome: Outcome | None = None) -> Statement:
    """An agent's statement.

    Args:
        environment: the instance.
        agent: position from 0, or name.
        outcome: of `mechanism.run`, if it is there already.

    Raises:
        InstanceError: there is no such agent.
    """
    place = _position(environment, agent)
    outcome = run(environment) if outcome is None else outcome
    books = audit.read(environment, outcome)
    table = _periods(environment, books, place)
    name = environment.agent_names[place]
    changed = ~np.asarray(table["heard"]) & (np.asarray(table["without_you"]) != np.asarray(table["everybody"]))
    summary = {
        "produced": float(np.sum(table["output"])),
        "paid": float(np.sum(table["paid"])),
        "kept": float(np.sum(table["output"]) - np.sum(table["paid"])),
        "debt": max(0.0, float(table["debt_after"][-1])),
        "left_out": int((~np.asarray(table["heard"])).sum()),
        "left_out_with_effect": int(changed.sum()),
    }
    words = "\n".join([_overall(environment, name, summary, len(books.group)), *_last(environment, table)])
    return Statement(agent=name, summary=summary, tables={"periods": table}, words=words)


def explain(environment: Environment, outcome: Outcome, agent: str) -> str:
    """Why an agent paid what it paid, in words."""
    return statement(environment, agent, outcome=outcome).words


def _position(environment: Environment, agent: int | str) -> int:
    names = environment.agent_names
    if isinstance(agent, int) and not isinstance(agent, bool) and 0 <= agent < len(names):
        return agent
    if str(agent) in names:
        return names.index(str(agent))
    raise InstanceError(f"there is no agent {agent!r}; known are {', '.join(names)}", key="agent")


def _debts(environment: Environment, books: Books) -> Array:
    bounded = environment.rules.variant == "bounded_values"
    return books.table["regret_value" if bounded else "regret_transfer"]


def _periods(environment: Environment, books: Books, place: int) -> dict[str, Any]:
    rows = np.arange(len(books.group))
    decision = books.decisions[rows, books.group]
    stated = books.values
    if environment.rules.variant == "bounded_values":
        stated = stated * books.table["lambda"][:, None, :]
    others = stated.sum(axis=2) - stated[:, :, place]
    debts = _debts(environment, books)
    produced = environment.outputs if environment.true_outputs is None else environment.true_outputs
    names = environment.decision_names
    differs = books.decisions[:, place + 1] != books.decisions[:, 0]
    shares, heard = books.table["probability"][:, place + 1], books.group != place + 1
    if environment.rules.variant == "bounded_values":  # who is not believed has weight 0
        heard = books.table["lambda"][:, place] > 0
        shares, differs = 1.0 - books.table["lambda"][:, place], ~heard
    return {
        "period": environment.period_names,
        "decision": [names[choice] for choice in decision],
        "everybody": [names[choice] for choice in books.decisions[:, 0]],
        "without_you": [names[choice] for choice in books.decisions[:, place + 1]],
        "cost_to_others": (others[:, place + 1] - others[:, 0]).tolist(),
        "heard": heard.tolist(),
        "debt_before": audit.before(debts)[:, place].tolist(),
        "probability_left_out": shares.tolist(),
        "probability_changed": np.where(differs, shares, 0.0).tolist(),
        "output": to_float(produced)[rows, place, decision].tolist(),
        "paid": books.table["paid"][:, place].tolist(),
        "debt_after": debts[:, place].tolist(),
    }


def _overall(environment: Environment, name: str, summary: Mapping[str, Any], periods: int) -> str:
    units = f" {environment.units}" if environment.units else ""
    owes = f"It owes {summary['debt']:.6g}{units}." if summary["debt"] > 0 else "It owes nothing."
    return (
        f"Agent {name} produced {summary['produced']:.6g}{units} in {periods} periods, paid {summary['paid']:.6g} and "
        f"kept {summary['kept']:.6g}. {owes} It was left out {summary['left_out']} times; "
        f"{summary['left_out_with_effect']} times the decision differed from everybody's for it."
    )


def _last(environment: Environment, table: Mapping[str, Sequence[Any]]) -> list[str]:
    """The last period in sentences."""
    last = {name: column[-1] for name, column in table.items()}
    heard = "Everybody was" if last["decision"] == last["everybody"] else "Not everybody was"
    lines = [f"Period {last['period']}: {heard} heard in effect; the decision is {last['decision']}."]
    if last["without_you"] == last["everybody"]:
        lines.append(
            "Without this agent the decision would have been the same, so its statement cost the others nothing."
        )
    else:
        more = f"{last['cost_to_others']:.6g} more to the others: its externality."
        lines.append(f"Without it, it would have been {last['without_you']}, worth {more}")
    if environment.rules.variant == "pivot":
        lines.append(f"It pays that externality, {last['paid']:.6g}, whatever it produced.")
    elif last["debt_before"] > 0:
        how = "its whole output" if environment.rules.payment == "output" else "its output up to the debt"
        lines.append(f"It owed {last['debt_before']:.6g} before, so {how} was due: {last['paid']:.6g}.")
    else:
        lines.append("It owed nothing before, so nothing was due.")
    return lines
