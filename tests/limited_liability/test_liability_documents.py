"""Documents: every spelling of a right one, one clear line for a wrong one, and the contract's keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mechopt import api, catalog, instance
from mechopt.errors import InstanceError, MechoptError
from mechopt.mechanisms.limited_liability.document import from_document
from mechopt.mechanisms.limited_liability.environment import Environment

VALUES = [[[0.8, 0.0], [0.0, 0.7]], [[0.6, 0.1], [0.0, 0.9]]]
OUTPUTS = [[[1.0, 0.0], [0.0, 0.5]], [[0.0, 0.0], [0.0, 1.0]]]


def document(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "mechanism": "limited_liability", "variant": "baseline", "values": VALUES, "outputs": OUTPUTS,
    }  # fmt: skip
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


def read(**changes: Any) -> Environment:
    return from_document(instance.read_document(document(**changes)))


def test_nested_lists_are_read_as_written() -> None:
    environment = read(seed=4, draws=[0.25, "1/2"])
    assert environment.values.shape == (2, 2, 2)
    assert environment.values[1, 0].tolist() == [0.6, 0.1]
    assert np.asarray(environment.draws).tolist() == [0.25, 0.5]
    assert not environment.values.flags.writeable


def test_draws_come_from_the_seed_and_repeat() -> None:
    first, second, other = (np.asarray(read(seed=seed).draws) for seed in (4, 4, 5))
    assert first.tolist() == second.tolist() != other.tolist()
    assert (first * 2**32 == np.floor(first * 2**32)).all()


def test_long_tables_inline_and_from_files(tmp_path: Path) -> None:
    records = [
        {"period": t + 1, "agent": "ab"[i], "decision": d, "value": VALUES[t][i][d], "output": OUTPUTS[t][i][d]}
        for t in range(2)
        for i in range(2)
        for d in range(2)
    ]
    both = read(values=records, outputs=None)
    assert both.values.tolist() == VALUES
    assert both.outputs.tolist() == OUTPUTS
    assert both.agent_names == ["a", "b"]
    assert both.period_names == [1, 2]
    lines = ["t,who,a,v,y"] + [",".join(str(value) for value in record.values()) for record in reversed(records)]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = {"period": "t", "agent": "who", "decision": "a"}
    spec = {"file": str(tmp_path / "log.csv"), "columns": columns}
    filed = read(
        values={**spec, "columns": {**columns, "value": "v"}}, outputs={**spec, "columns": {**columns, "output": "y"}},
        names={"agents": ["b", "a"]},
    )  # fmt: skip
    assert filed.values[:, ::-1].tolist() == VALUES
    assert filed.outputs[:, ::-1].tolist() == OUTPUTS


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"variant": "vcg"}, "variant: 'vcg' is not allowed; choose from pivot, baseline"),
        ({"variant": None}, "variant"),
        ({"values": None}, "values"),
        ({"outputs": None}, "outputs: is missing"),
        ({"values": [[[0.8, 1.1], [0, 0]], [[0, 0], [0, 0]]]}, r"values: .*not 1.1 \(at period 1, agent 1, decision 2"),
        ({"outputs": [[[0.8, -1], [0, 0]], [[0, 0], [0, 0]]]}, "outputs: must lie between 0 and output_bound"),
        ({"outputs": [[[0.8, 0]]]}, "outputs: has shape"),
        ({"values": [[0.8, 0]]}, "values: needs 3 nested levels"),
        ({"values": [[[0.8, 0], [0.8]]]}, "equal lengths"),
        ({"values": []}, "values"),
        ({"values": [[[]]], "outputs": [[[]]]}, "at least one decision"),
        ({"values": [[["a"]]]}, "values"),
        ({"values": [[[float("nan")]]]}, "values"),
        ({"output_bound": 0}, "output_bound: must be above 0"),
        ({"draws": [0.5]}, "draws: 1 draws for 2 periods"),
        ({"draws": [0.5, 1.0]}, r"draws: must be at least 0 and below 1, not 1.0 \(period 2"),
        ({"variant": "discounted"}, "discount: is missing"),
        ({"variant": "discounted", "discount": 1}, "discount: must lie strictly between 0 and 1"),
        ({"exploration_exponent": 1.5}, "exploration_exponent"),
        ({"payment": "cash"}, "payment: 'cash' is not allowed"),
        ({"variant": "pivot", "payment": "debt"}, "payment: \"debt\""),
        ({"use_regret_b": 1}, "use_regret_b"),
        ({"ledger": "paper"}, "ledger"),
        ({"variant": "bounded_values", "value_floor": 0.1}, "value_floor: is 0.1, but a stated value is 0"),
        ({"penalty": 1}, "unknown key 'penalty'"),
        ({"names": {"agents": ["a", "a"]}}, "occurs twice"),
        ({"names": {"agents": ["a"]}}, "1 names for 2"),
        ({"names": {"people": ["a"]}}, "names"),
        ({"true_outputs": [[[0.5]]]}, "true_outputs: has shape"),
        ({"values": [{"period": 1, "agent": 1, "decision": 1, "value": 0.5}] * 2}, "occurs twice"),
        (
            {"values": [{"period": 1, "agent": 1, "decision": 1, "value": 0.5},
                        {"period": 2, "agent": 2, "decision": 1, "value": 0.5}]},
            "no record for period 1, agent 2, decision 1",
        ),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_with_one_clear_line(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InstanceError, match=word) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)


def test_the_integer_ledger_refuses_what_is_not_whole_by_place() -> None:
    with pytest.raises(InstanceError, match=r"outputs: 0.5 is not a whole multiple .*period 1, agent 2, decision 2"):
        api.solve(document(ledger="integer"))
    assert api.solve(document(ledger="integer", output_unit="1/2")).guarantee.kind == "exact"


def test_the_contract_keys_are_there() -> None:
    result = json.loads(api.solve(document(variant="consistent", true_values=VALUES, true_outputs=OUTPUTS)).to_json())
    assert set(result["summary"]) >= {
        "periods", "agents", "decisions", "output_total", "output_efficient", "loss_per_period", "transfers_total",
        "epsilon_certified", "max_regret",
    }  # fmt: skip
    periods = result["tables"]["periods"]
    assert set(periods) >= {
        "period", "group", "decision", "probability", "expected_transfer", "paid", "regret_allocation",
        "regret_transfer", "lambda", "regret_1", "regret_2",
    }  # fmt: skip
    assert len(periods["probability"][0]) == 3
    assert len(periods["paid"][0]) == 2
    bounded = api.solve(document(variant="bounded_values")).tables["periods"]
    assert set(bounded) >= {"lambda", "regret_value", "regret_a", "regret_b"}


def test_exact_numbers_come_back_as_text() -> None:
    result = api.solve(document(arithmetic="exact", draws=["1/3", "2/3"], output_bound="3/2")).to_dict()
    assert result["guarantee"]["kind"] == "exact"
    assert result["summary"]["output_total"] == 2 or isinstance(result["summary"]["output_total"], str)


def test_fractions_that_outgrow_the_page_are_refused_by_period() -> None:
    """Exact probabilities may double their digits each period; the answer is one line, not an endless run."""
    values = np.random.default_rng(3).random((200, 3, 3)) * np.eye(3)
    rounded = np.round(values, 3).tolist()
    long = {"mechanism": "limited_liability", "variant": "discounted", "discount": "0.97", "arithmetic": "exact",
            "values": rounded, "outputs": rounded}  # fmt: skip
    with pytest.raises(InstanceError, match=r"arithmetic: the fractions have grown .* in period \d+; ledger"):
        api.solve(long)
    assert (
        api.solve({**long, "arithmetic": "float", "ledger": "integer", "output_unit": "0.001"}).guarantee.kind
        == "exact"
    )


scalars = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=5) | st.sampled_from(
    ["1/3", "1e400", "debt", "integer", "pivot", "sealed", 10**400]
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
keys = st.sampled_from([
    "variant", "values", "outputs", "true_values", "true_outputs", "draws", "output_bound", "discount", "payment",
    "exploration_exponent", "use_regret_b", "propensity", "counterfactuals", "value_floor", "ledger", "output_unit",
    "names", "arithmetic", "seed", "units", "unknown",
])  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.dictionaries(keys, anything, max_size=3))
def test_whatever_a_document_says_it_solves_or_explains(changes: dict[str, Any]) -> None:
    refusal: MechoptError | None = None
    try:
        api.solve(document() | changes).to_json()
    except MechoptError as error:
        refusal = error
    if refusal is not None:
        assert len(str(refusal).splitlines()) == 1
        assert refusal.exit_status == 2


def test_the_shipped_models_and_the_starter_check() -> None:
    shipped = [name for name in catalog.models() if name.startswith("limited_liability/")]
    assert {"limited_liability/development_fund", "limited_liability/credit_lines"} <= set(shipped)
    sources: list[api.Source] = [*shipped, catalog.starter("limited_liability")]
    for source in sources:
        outcome = api.check(source)
        assert [finding.property for finding in outcome.checks if not finding.holds] == []
        assert outcome.summary["transfers_total"] > 0
        assert api.report(source).startswith("<!")
