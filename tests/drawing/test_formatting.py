"""Figures as people read them."""

import pytest

from mcdrl.drawing import formatting

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.number(0.12345), "0.123"), (formatting.number(None), "–"), (formatting.number(NAN), "–"),
        (formatting.signed(0.5, 1), "+0.5"), (formatting.signed(NAN), "–"),
        (formatting.span(0.1, 0.2, 1), "0.1 to 0.2"), (formatting.span(0.1, NAN), ""),
        (formatting.span_or_why(NAN, NAN, 1), "none: 1 group"), (formatting.span_or_why(NAN, NAN, 5), ""),
        (formatting.seed_span(0.1, 0.2, 1), "one training each"), (formatting.seed_span(0.1, 0.2, 3), "0.100 to 0.200"),
        (formatting.too_few(1), "the site with the fewest has 1 group, 5 are needed"),
        (formatting.counted(1, "frame"), "1 frame"), (formatting.counted(0, "frame"), "0 frames"),
        (formatting.points(0.01), "1.0 point"), (formatting.points(-0.01), "-1.0 points"),
        (formatting.points(0.01, sign=True), "+1.0 point"), (formatting.bare_points(0.025), "+2.5"),
        (formatting.percent(0.256), "26 %"), (formatting.percent(0.996), "over 99 %"), (formatting.percent(1), "100 %"),
        (formatting.percent(0.0025), "under 1 %"), (formatting.percent(0.0), "0 %"), (formatting.percent(0.99), "99 %"),
        (formatting.percent(0.005), "under 1 %"), (formatting.percent(0.995), "over 99 %"),
        (formatting.number(-0.0001), "0.000"), (formatting.signed(-0.0001), "0.000"), (formatting.signed(0.0), "0.000"),
        (formatting.span(-0.0001, 0.1), "0.000 to 0.100"), (formatting.points(-0.0001), "0.0 points"),
        (formatting.points(-0.0, sign=True), "0.0 points"), (formatting.bare_points(-0.0004), "0.0"),
        (formatting.bare_points(0.0004), "0.0"), (formatting.percent(-0.001), "0 %"),
        (formatting.interval_or_why(0.1, 0.2, 9, 1), "0.1 to 0.2"),
        (formatting.interval_or_why(NAN, NAN, 1), "none: 1 group"),
        (formatting.interval_or_why(NAN, NAN, 5), "none: no spread"),
        (formatting.p_value(NAN), "–"), (formatting.p_value(0.0009), "< 0.001"), (formatting.p_value(0.25), "0.250"),
        (formatting.p_words(0.0009), "p < 0.001"), (formatting.p_words(0.25), "p = 0.250"),
        (formatting.seed_span(NAN, NAN, 1), "one training each"), (formatting.seed_words(NAN, NAN, 1), ""),
        (formatting.seed_span(NAN, NAN, 2), "none: no spread"), (formatting.seed_span(0.1, 0.3, 3), "0.100 to 0.300"),
        (formatting.seed_words(NAN, NAN, 3), " and none over 3 seeds, which are alike"),
        (formatting.seed_words(-0.01, 0.02, 3), " and -1.0 to +2.0 over 3 seeds"),
        (formatting.listed(["a"]), "a"), (formatting.listed(["a", "b", "c"]), "a, b and c"),
    ],
)  # fmt: skip
def test_a_figure_as_text(text, expected):
    assert text == expected
