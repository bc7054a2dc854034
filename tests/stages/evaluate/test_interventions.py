"""Which source frames are shown, and what is kept of interventions."""

from stages.evaluate.interventions import Interventions, sampled


def test_the_pick_depends_on_names_alone():
    cases = [f"B/{k}" for k in range(200)]
    chosen = sampled(cases, 60)
    assert len(chosen) == 60
    assert set(sampled(cases[::-1], 60)) == set(chosen)
    assert chosen == [case for case in cases if case in set(chosen)]  # in the order given
    fewer = [case for case in cases if case != chosen[0]]
    assert set(sampled(fewer, 60)) >= set(chosen[1:])  # one frame less changes nothing for the others
    assert sampled(cases[:5], 60) == cases[:5]


def test_without_an_intervention_the_tables_are_empty_and_have_their_columns():
    nothing = Interventions(["a"])
    assert nothing.attention().columns.tolist() == ["case_id", "confounder", "weight"]
    assert nothing.pooled().columns.tolist() == ["case_id", "before", "after"]
    assert nothing.attention().empty
    assert nothing.pooled().empty
