"""Keys: tuples as bytes whose order is the tuples' order.

For: every room that writes keys. `encode(a) < encode(b)` exactly when `a < b`, element by element, for tuples
whose elements at each place are of one type (str by code point, bytes, int, Decimal or float as numbers).
A shorter tuple sorts before the longer ones it begins. Follows FoundationDB's tuple layer in spirit.
"""

from __future__ import annotations

from decimal import Decimal

Part = str | bytes | int | Decimal | None
Key = tuple[Part, ...]

_NONE, _BYTES, _TEXT, _NUMBER, _INT = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_INT_BIAS = 1 << 63
_EXPONENT_BIAS = 0x8000
_DIGITS = bytes(byte - 0x2F if 0x30 <= byte <= 0x39 else byte for byte in range(256))
"""Written digits to 1..10."""


def encode(key: Key) -> bytes:
    """The key as bytes. ints must fit 64 bits, signed; Decimals must be finite."""
    return b"".join([encode_part(part) for part in key])


def encode_part(part: Part) -> bytes:
    """One element of a key as bytes."""
    # Text and bytes end with 00; an 00 inside is written 00 ff, which sorts after the end of any shorter text.
    if type(part) is str:
        return _TEXT + part.encode("utf-8", "surrogatepass").replace(b"\x00", b"\x00\xff") + b"\x00"
    if type(part) is bytes:
        return _BYTES + part.replace(b"\x00", b"\x00\xff") + b"\x00"
    if type(part) is int:
        return _INT + (part + _INT_BIAS).to_bytes(8, "big")
    if type(part) is Decimal:
        return _NUMBER + _encode_decimal(part)
    if part is None:
        return _NONE
    raise TypeError(f"a key part is str, bytes, int, Decimal or None, not {type(part).__name__}")


def encode_number(text: str) -> bytes:
    """A Decimal as an element of a key, by its plain digits: `-12.5`, without zeros in front."""
    if text.isdigit() and text[0] != "0":
        return _NUMBER + _encode_whole(text)
    return _NUMBER + _encode_decimal(Decimal(text))


def prefix_range(key: Key) -> tuple[bytes, bytes]:
    """The bounds (low included, high excluded) of all keys that begin with the elements of `key`, itself included."""
    low = encode(key)
    return low, low + b"\xff"


def decode(data: bytes) -> Key:
    """The tuple that `encode` was given; Decimals come back in shortest form."""
    parts: list[Part] = []
    at = 0
    while at < len(data):
        part, at = _decode_part(data, at)
        parts.append(part)
    return tuple(parts)


def last_int(data: bytes) -> int:
    """The last element of an encoded tuple that ends with an int, without a look at the others."""
    assert data[-9:-8] == _INT, "the key ends with an int"
    return int.from_bytes(data[-8:], "big") - _INT_BIAS


def _encode_whole(plain: str) -> bytes:
    """Most numbers are whole and not negative: their digits, as they are written, without the zeros at the end."""
    shown = plain.rstrip("0").encode().translate(_DIGITS)
    return b"\x81" + (len(plain) + _EXPONENT_BIAS).to_bytes(2, "big") + shown + b"\x00"


def _encode_decimal(number: Decimal) -> bytes:
    """Sign, then exponent, then digits: for negatives all inverted, so that byte order is numeric order."""
    plain = str(number)
    if plain.isdigit() and plain != "0":
        return _encode_whole(plain)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "a key number is finite"
    text = "".join(map(str, digits)).lstrip("0")  # not normalize(): it rounds to the context's precision
    if not text:
        return b"\x80"
    exponent += len(text) - len(text := text.rstrip("0"))
    digits = tuple(map(int, text))
    magnitude = exponent + len(digits)  # the number is 0.d1d2d3… × 10^magnitude
    # Digits are written 1..10, two bytes short of nothing: 00 ends them, so fewer digits sort first.
    body = (magnitude + _EXPONENT_BIAS).to_bytes(2, "big") + bytes(digit + 1 for digit in digits) + b"\x00"
    if sign:
        return b"\x7f" + bytes(255 - byte for byte in body)
    return b"\x81" + body


def _decode_part(data: bytes, at: int) -> tuple[Part, int]:
    kind, at = data[at : at + 1], at + 1
    if kind == _NONE:
        return None, at
    if kind == _INT:
        return int.from_bytes(data[at : at + 8], "big") - _INT_BIAS, at + 8
    if kind == _NUMBER:
        return _decode_decimal(data, at)
    end = at
    while True:
        end = data.index(b"\x00", end)
        if data[end + 1 : end + 2] != b"\xff":
            break
        end += 2
    raw = data[at:end].replace(b"\x00\xff", b"\x00")
    return (raw.decode("utf-8", "surrogatepass") if kind == _TEXT else raw), end + 1


def _decode_decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    sign = data[at]
    if sign == 0x80:
        return Decimal(0), at + 1
    negative = sign == 0x7F
    end = data.index(b"\xff" if negative else b"\x00", at + 3)
    body = bytes(255 - byte for byte in data[at + 1 : end]) if negative else data[at + 1 : end]
    magnitude = int.from_bytes(body[:2], "big") - _EXPONENT_BIAS
    digits = tuple(byte - 1 for byte in body[2:])
    return Decimal((int(negative), digits, magnitude - len(digits))), end + 1
