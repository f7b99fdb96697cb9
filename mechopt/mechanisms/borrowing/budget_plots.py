"""The pictures of simulated rounds: budget paths with their bands, and the reserve that a number of rounds needs."""

from __future__ import annotations

from mechopt.mechanisms.borrowing.environment import Environment
from mechopt.outcome import Outcome
from mechopt.picture import Picture, canvas

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"


def simulate_pictures(environment: Environment, outcome: Outcome) -> list[Picture]:
    """The plots of `simulate`: the budget over the rounds, and the reserve against rounds."""
    return [_budget(environment, outcome), _reserve(environment, outcome)]


def _unit(environment: Environment) -> str:
    return f" ({environment.units})" if environment.units else ""


def _budget(environment: Environment, outcome: Outcome) -> Picture:
    table = outcome.tables["budget"]
    rounds = list(table["round"])
    figure, axes = canvas()
    axes.fill_between(rounds, table["low_simulated"], table["high_simulated"], color=BLUE, alpha=0.15, linewidth=0,
                      label="simulated band")  # fmt: skip
    for number in range(1, 6):
        if f"path_{number}" in table:
            axes.plot(rounds, table[f"path_{number}"], color=GREY, linewidth=0.8, alpha=0.8,
                      label="single runs" if number == 1 else None)  # fmt: skip
    axes.plot(rounds, table["low"], "--", color=BLUE, linewidth=1.4, label="normal band")
    axes.plot(rounds, table["high"], "--", color=BLUE, linewidth=1.4)
    reserve = outcome.summary["reserve"]
    axes.axhline(reserve, color=ORANGE, linewidth=1.6, label="reserve")
    axes.set_xlabel("round")
    axes.set_ylabel(f"manager's cumulative deficit{_unit(environment)}")
    axes.legend(frameon=True, framealpha=0.9, loc="lower left", fontsize="small", ncols=2)
    return Picture(
        title="The budget over the rounds",
        caption="What the manager has paid out, net. Above the reserve she is ruined.",
        alt=f"Budget paths over {rounds[-1]} rounds; at the end the normal band reaches from {table['low'][-1]:.3g} to "
        f"{table['high'][-1]:.3g}; the numbers are in the table.",
        figure=figure,
        numbers=dict(table),
    )


def _reserve(environment: Environment, outcome: Outcome) -> Picture:
    table = outcome.tables["reserve"]
    figure, axes = canvas()
    for name, colour, style in (("proven", ORANGE, "-."), ("reflection", GREEN, "--"), ("corrected", BLUE, "-")):
        axes.plot(table["rounds"], table[name], style, color=colour, linewidth=1.6, label=name)
    axes.plot(table["rounds"], table["simulated"], "o", color=GREY, markersize=3, label="simulated")
    axes.set_xlabel("rounds")
    axes.set_ylabel(f"reserve{_unit(environment)}")
    axes.legend(frameon=False, loc="upper left")
    return Picture(
        title="The reserve for a number of rounds",
        caption="What keeps the probability of ruin within the level: by the reflection principle, corrected for "
        "discrete rounds, simulated, and by a proven inequality.",
        alt=f"Reserves rise with the root of the rounds, to {table['corrected'][-1]:.3g} (corrected) and "
        f"{table['proven'][-1]:.3g} (proven) after {table['rounds'][-1]}; the numbers are in the table.",
        figure=figure,
        numbers=dict(table),
    )
