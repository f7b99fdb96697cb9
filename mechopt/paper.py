"""The five papers: the project's only bibliography."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper.

    Attributes:
        key: how docstrings and claims cite it.
        authors: family names.
        year: of the version read.
        title: in full.
        mechanism: the package that implements it.
    """

    key: str
    authors: str
    year: int
    title: str
    mechanism: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}), {self.title}"


PAPERS: dict[str, Paper] = {
    paper.mechanism: paper
    for paper in (
        Paper(
            key="lengyel2025",
            authors="Lengyel",
            year=2025,
            title="Efficient Defection: Overage-Proportional Rationing Attains the Cooperative Frontier",
            mechanism="overage",
        ),
        Paper(key="zhu2021", authors="Zhu", year=2021, title="Repeated Resource Allocation", mechanism="linked_vcg"),
        Paper(
            key="zheng2023", authors="Zheng", year=2023, title="Borrowing A Reusable Resource", mechanism="borrowing"
        ),
        Paper(
            key="liu2020",
            authors="Liu, Loertscher and Marx",
            year=2020,
            title="Efficient spot markets through forward markets",
            mechanism="forward_market",
        ),
        Paper(
            key="chassang2021",
            authors="Chassang and Kapon",
            year=2021,
            title="Prior-Free Dynamic Allocation Under Limited Liability",
            mechanism="limited_liability",
        ),
    )
}
