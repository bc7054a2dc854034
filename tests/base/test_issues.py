from mcdrl.base.issues import Issue, grouped


def test_issues_are_grouped_the_commonest_first():
    issues = [Issue("a", "odd", "1"), Issue("b", "even", ""), Issue("c", "even", "2")]
    assert grouped(issues) == ["2 x even, e.g. b", "1 x odd, e.g. a: 1"]
