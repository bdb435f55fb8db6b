"""Filter patterns, after the examples of CloudWatch Logs' guide."""

import pytest

from syncline.core import SynclineError, Unsupported
from syncline.monitoring.patterns import compile_pattern

RECORD = '{"eventType": "UpdateTrail", "sourceIp": "111.111.1.1", "n": 12, "ok": true, "none": null, "l": [{"k": 4}]}'


@pytest.mark.rule("MON-6")
@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "error", False),
        ("ERROR REQUEST", "[ERROR 400] BAD REQUEST", True),
        ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", False),
        ("?ERROR ?WARN", "WARN there", True),
        ("?ERROR ?WARN", "INFO there", False),
        ("ERROR -ARGUMENTS", "ERROR INVALID ARGUMENTS", False),
        ("ERROR -ARGUMENTS", "ERROR BAD", True),
        ('"INTERNAL SERVER ERROR"', "x INTERNAL SERVER ERROR y", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ('-"BAD REQUEST"', "BAD REQUEST", False),
        ('{ $.eventType = "UpdateTrail" }', RECORD, True),
        ('{ $.eventType != "UpdateTrail" }', RECORD, False),
        ("{ $.eventType = Update* }", RECORD, True),
        ('{ $.sourceIp != "123.*" }', RECORD, True),
        ("{ $.n > 11 && $.n <= 12 }", RECORD, True),
        ("{ $.n > 12 }", RECORD, False),
        ("{ $.n = 1.2e1 }", RECORD, True),
        ("{ $.n = 1 || ($.ok IS TRUE && $.none IS NULL) }", RECORD, True),
        ("{ $.ok IS FALSE }", RECORD, False),
        ("{ $.absent NOT EXISTS }", RECORD, True),
        ("{ $.l[0].k = 4 }", RECORD, True),
        ("{ $['eventType'] = UpdateTrail }", RECORD, True),
        ("{ $.n = 12 }", "no json", False),
        ("{ $.n = 12 }", '{"n": 12', False),
    ],
)
def test_a_pattern_selects_what_the_guide_says(pattern: str, message: str, matches: bool) -> None:
    assert compile_pattern(pattern)(message) is matches


@pytest.mark.rule("MON-6")
@pytest.mark.parametrize(
    "pattern", ["{ $.a = }", "{ $.a", "{ = 1 }", '"open', "{ ($.a = 1 }", "{ $.a = 1 } x", "x" * 2000]
)
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(SynclineError) as refusal:
        compile_pattern(pattern)
    assert refusal.value.code == "InvalidParameterException"


@pytest.mark.rule("MON-6")
@pytest.mark.parametrize("pattern", ["[ip, user, status=4*]", "%AUTHORIZED%"])
def test_what_is_not_built_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(Unsupported):
        compile_pattern(pattern)
