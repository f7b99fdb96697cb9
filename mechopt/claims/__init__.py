"""The ledger: every numbered statement of the papers, with evidence. Verdicts are computed, never typed.

    verify("overage")                     run a mechanism's claims
    verify("overage.theorem_4")           one claim (also "Theorem 4", or a file of your own: "my_claims.py")
    explain(record)                       statement, reading, hypotheses, evidence, witness, as text
    replay("overage.equation_4", witness) the independent checker on a counterexample

A file of claims decorates generators of evidence with `claim`; see docs/verify-your-own.md.
"""

from mechopt.claims.explanation import explain
from mechopt.claims.record import VERDICTS, Ledger, Record, Witness
from mechopt.claims.runner import replay, verify
from mechopt.claims.statement import Claim, Verdict, claim, unchecked
from mechopt.evidence import Control, Evidence, Run

__all__ = [
    "VERDICTS",
    "Claim",
    "Control",
    "Evidence",
    "Ledger",
    "Record",
    "Run",
    "Verdict",
    "Witness",
    "claim",
    "explain",
    "replay",
    "unchecked",
    "verify",
]
