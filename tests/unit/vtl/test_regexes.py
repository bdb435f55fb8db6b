"""Java's regular expressions as templates use them, whichever engine runs them."""

import threading

import pytest

from syncline.vtl import MethodFailed, pattern
from syncline.vtl import compile as compile_template


@pytest.mark.rule("VTL-11")
@pytest.mark.parametrize(
    ("regex", "text", "whole", "somewhere"),
    [
        ("a*b", "aaaaab", True, True),
        ("H.*", "Hello", True, True),
        ("ell", "Hello", False, True),
        (r"\d{4}-\d\d-\d\d", "2026-11-21", True, True),
        (r"\d+", "٣", False, False),
        (r"\p{Alpha}+", "abc", True, True),
        (r"\p{Alpha}+", "a-z", False, True),
        (r"[\p{Alpha}_-]+", "a-z_", True, True),
        (r"\p{L}+", "été", True, True),
        (r"\Qa.b\E", "a.b", True, True),
        ("(?i)straße", "STRAßE", True, True),
        ("[^@]+@[^@]+", "a@b", True, True),
        # What RE2 has not.
        (r"^(?=.*[A-Z])(?=.*\d).{4,}$", "abC1", True, True),
        (r"^(?=.*[A-Z])(?=.*\d).{4,}$", "abc1", False, False),
        (r"(?<!a)b", "ab", False, False),
        (r"(.)\1", "aa", True, True),
        (r"(?<x>.)\k<x>", "😀😀", True, True),
        ("a{1001}", "a" * 1001, True, True),
    ],
)
def test_an_expression_fits(regex: str, text: str, whole: bool, somewhere: bool) -> None:
    assert (pattern(regex).fullmatch(text), pattern(regex).search(text)) == (whole, somewhere)


@pytest.mark.rule("VTL-11")
@pytest.mark.parametrize("regex", ["(", "[", "a**", r"\k", "(?R)", "a++", "x" * 2001, "(?<n>", "\ud800("])
def test_what_is_no_expression_is_said(regex: str) -> None:
    with pytest.raises(MethodFailed, match="regular expression"):
        pattern(regex)


@pytest.mark.rule("VTL-11")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('$s.replaceAll("(b)(x)?", "<$1$2>")', "a😀<b>c<b>"),
        ('$s.replaceAll("(?<n>b)", "<${n}>")', "a😀<b>c<b>"),
        ('$s.replaceFirst("b", "-")', "a😀-cb"),
        ('$s.replaceAll("b(?=c)", "<$0>")', "a😀<b>cb"),
        ('$s.replaceAll("(?<n>b)(?=c)", "<${n}>")', "a😀<b>cb"),
        ('$s.replaceAll("", "-")', "-a-😀-b-c-b-"),
        ('$s.split("b").size() $s.split("(?=b)").size() $s.split("[bc]", 2).get(1)', "2 3 cb"),
    ],
)
def test_places_are_replaced_and_split_at(template: str, text: str) -> None:
    assert compile_template(template).render({"s": "a😀bcb"}) == text


@pytest.mark.rule("VTL-11")
def test_expressions_work_on_any_thread() -> None:
    answers: list[bool] = []

    def ask() -> None:
        answers.append(pattern("(?=a)a+").fullmatch("aaa"))
        answers.append(pattern("a+").fullmatch("aaa"))

    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [True] * 4
