"""What a spreadsheet would run gets an apostrophe."""

from exports import HOSTILE, PEACEFUL

from snapshotter.export.formulas import disarmed, has_formula


def test_formulas_get_an_apostrophe_and_other_text_stays() -> None:
    assert disarmed(HOSTILE) == ["'" + text for text in HOSTILE]
    assert disarmed(PEACEFUL) == PEACEFUL


def test_numbers_and_nothing_stay() -> None:
    assert disarmed([-5, -0.5, None]) == [-5, -0.5, None]


def test_a_formula_is_found_among_other_texts() -> None:
    for text in HOSTILE:
        assert has_formula([*PEACEFUL, text, *PEACEFUL])
    assert not has_formula(PEACEFUL)
