"""DynamoDB's numbers: decimal text of at most 38 significant digits between 1E-130 and 9.99…E+125.

For: values, expressions, keys. Owns: the canonical form (plain decimal, never an exponent).
Never: rounds; what does not fit is refused.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, Overflow, Subnormal, Underflow

from syncline.core import Invalid

DIGITS_MAX = 38
ADJUSTED_MAX = 125
ADJUSTED_MIN = -130
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
TOO_PRECISE = "Attempting to store more than 38 significant digits in a Number"
NO_NUMBER = "The parameter cannot be converted to a numeric value"

_SYNTAX = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]+))?")
_ARITHMETIC = Context(
    prec=DIGITS_MAX, Emax=ADJUSTED_MAX, Emin=ADJUSTED_MIN, traps=[Inexact, Overflow, Underflow, Subnormal]
)


def measured(text: str) -> tuple[str, int]:
    """The number in canonical form, and its size. Raises Invalid like `canonical`."""
    if len(text) <= DIGITS_MAX and text.isascii() and text.isdigit() and text[0] != "0":
        return text, 1 + (len(text.rstrip("0")) + 1) // 2  # Most numbers are whole.
    text = canonical(text)
    return text, size(text)


def canonical(text: str) -> str:
    """The one way to write the number `text`. Raises Invalid with AWS's sentence when it is none or does not fit."""
    if len(text) <= DIGITS_MAX and text.isascii():
        if text.isdigit():
            return text if text[0] != "0" else text.lstrip("0") or "0"
        if text[:1] == "-" and text[1:].isdigit():
            digits = text[1:].lstrip("0")
            return "-" + digits if digits else "0"
    found = _SYNTAX.fullmatch(text)
    if found is None:
        raise Invalid(f"{NO_NUMBER}: {text}" if text else NO_NUMBER)
    sign, whole, fraction, bare_fraction, exponent = found.groups()
    fraction = fraction or bare_fraction or ""
    return _plain(sign == "-", (whole or "") + fraction, _exponent(exponent) - len(fraction))


def add(left: str, right: str) -> str:
    """The sum of two canonical numbers. Raises Invalid when it needs more than 38 digits or leaves the range."""
    return _compute(_ARITHMETIC.add, left, right)


def subtract(left: str, right: str) -> str:
    """The difference of two canonical numbers. Raises Invalid like `add`."""
    return _compute(_ARITHMETIC.subtract, left, right)


def size(text: str) -> int:
    """The bytes that DynamoDB counts for a canonical number."""
    if text == "0":
        return 1
    negative = text[0] == "-"
    whole, _, fraction = text[negative:].partition(".")
    if not fraction:
        whole = whole.rstrip("0")
    return 1 + (len(whole) + 1) // 2 + (len(fraction) + 1) // 2 + negative


def _exponent(text: str | None) -> int:
    # Past ten characters the exact figure no longer matters: it is out of range either way.
    if not text:
        return 0
    digits = text.lstrip("+-").lstrip("0")[:10] or "0"
    return -int(digits) if text[0] == "-" else int(digits)


def _plain(negative: bool, digits: str, exponent: int) -> str:
    significant = digits.lstrip("0")
    if not significant:
        _check_range(exponent)  # AWS does this: 0e126 is refused, 0.0e126 is not.
        return "0"
    trimmed = significant.rstrip("0")
    exponent += len(significant) - len(trimmed)
    if len(trimmed) > DIGITS_MAX:
        raise Invalid(TOO_PRECISE)
    _check_range(exponent + len(trimmed) - 1)
    point = len(trimmed) + exponent
    if exponent >= 0:
        text = trimmed + "0" * exponent
    elif point > 0:
        text = f"{trimmed[:point]}.{trimmed[point:]}"
    else:
        text = f"0.{'0' * -point}{trimmed}"
    return "-" + text if negative else text


def _check_range(adjusted: int) -> None:
    if adjusted > ADJUSTED_MAX:
        raise Invalid(OVERFLOW)
    if adjusted < ADJUSTED_MIN:
        raise Invalid(UNDERFLOW)


def _compute(operation: object, left: str, right: str) -> str:
    assert callable(operation), "an operation of the arithmetic context"
    try:
        result: Decimal = operation(Decimal(left), Decimal(right))
    except (Underflow, Subnormal):
        raise Invalid(UNDERFLOW) from None
    except (Inexact, Overflow):
        raise Invalid(OVERFLOW) from None
    return canonical(format(result, "f"))
