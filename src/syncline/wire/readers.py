"""Shapes compiled into closures that convert and check a request in one pass.

For: the protocols and `Operations.call`. Owns: the walk over structures, lists and maps.
Never: looks at a shape again once it is compiled; stops at the first broken constraint (wrong types do stop it).

A reader takes a value and the list of violations found so far, and returns the house's value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from syncline.wire.constraints import NOT_NULL, Constraints, Violation, constraints_of, lower_first, shown
from syncline.wire.models import Member, Shape
from syncline.wire.scalars import NO_OBJECT, Notation, NotConvertible
from syncline.wire.scalars import string as json_string

Reader = Callable[[Any, list[Violation]], Any]
Key = str | tuple[str]
"""A member's name on the wire. A tuple is a member that is not in the body: JSON cannot forge one."""


PARAMETERIZED = (
    "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class "
    "(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of "
    "loader 'bootstrap')"
)
"""What AWS says when a collection's element should be a collection and is a scalar."""


class UnknownMember(NotConvertible):
    """{path} is no member of {shape}."""


class Place(NamedTuple):
    """What is read, in the words of AWS's parser: its Java type, and whether a list or map holds it."""

    java: str
    held: bool


class Readers:
    """The compiled readers of one service in one notation.

    `closed` refuses members that the model does not know: for checking our own answers, never for requests.
    `package` is what stands before a structure's name where AWS's parser names its class.
    """

    def __init__(
        self, shapes: Mapping[str, Shape], notation: Notation, *, closed: bool = False, package: str = ""
    ) -> None:
        self._shapes = shapes
        self._notation = notation
        self._closed = closed
        self._package = package
        self._made: dict[tuple[str, bool], Reader] = {}

    def of(self, name: str, *, held: bool = False) -> Reader:
        """The reader of the shape `name`, compiled on first use. `held`: for the elements of a list or map."""
        if (name, held) not in self._made:
            self._made[name, held] = self._compile(name, self._shapes[name], held=held)
        return self._made[name, held]

    def structure(self, name: str, bound: Mapping[Key, tuple[str, Reader]]) -> Reader:
        """A reader of the structure `name` whose members on the wire are those of `bound`."""
        members: dict[Key, tuple[str, str, Reader]] = {
            key: (member, lower_first(member), reader) for key, (member, reader) in bound.items()
        }
        return _structure(self._shapes[name], members, self._place(name, held=False), closed=self._closed)

    def _compile(self, name: str, shape: Shape, *, held: bool) -> Reader:
        if shape.document:
            return _anything
        convert = self._notation.of(shape.type)
        constraints = None if self._closed else constraints_of(shape)
        if convert is not None:
            return _string(constraints) if convert is json_string else _scalar(convert, constraints)
        place = self._place(name, held=held)
        if shape.type == "structure":
            return self._structure(name, shape, place)
        if shape.type == "list":
            assert shape.member is not None, f"the list {name} has elements"
            element = self.of(shape.member.shape, held=True)
            return _list(element, self._element(shape.member), constraints, place, sparse=shape.sparse)
        assert shape.type == "map", f"{name} is a {shape.type}"
        return self._map(name, shape, constraints, place)

    def _place(self, name: str, *, held: bool) -> Place:
        return Place(self._java(name), held)

    def _java(self, name: str) -> str:
        """The Java type of a shape, as AWS's parser prints it."""
        shape = self._shapes[name]
        if shape.type == "structure":
            return self._package + name
        if shape.type == "list":
            assert shape.member is not None, f"the list {name} has elements"
            return f"java.util.List<{self._java(shape.member.shape)}>"
        if shape.type == "map":
            assert shape.value is not None, f"the map {name} has values"
            return f"java.util.Map<java.lang.String, {self._java(shape.value.shape)}>"
        return f"java.lang.{shape.type.capitalize()}"

    def _structure(self, name: str, shape: Shape, place: Place) -> Reader:
        members: dict[Key, tuple[str, str, Reader]] = {}
        read = self._made[name, place.held] = _structure(shape, members, place, closed=self._closed)
        wired = self._notation.name == "json"
        for member, reference in shape.members.items():
            key = reference.location_name if wired and reference.location_name else member
            members[key] = (member, lower_first(member), self.of(reference.shape))
        return read

    def _map(self, name: str, shape: Shape, constraints: Constraints | None, place: Place) -> Reader:
        assert shape.key is not None, f"the map {name} has keys"
        assert shape.value is not None, f"the map {name} has values"
        keys = None if self._closed else constraints_of(self._shapes[shape.key.shape])
        return _map(
            self.of(shape.value.shape, held=True),
            self._element(shape.value),
            keys,
            constraints,
            place,
            texts=self._texts(self._shapes[shape.value.shape]),
        )

    def _texts(self, shape: Shape) -> frozenset[str]:
        """The members of a structure that are any string, under their own names, if it asks for nothing else."""
        strings_as_they_are = self._notation.string is json_string and not self._closed
        if shape.type != "structure" or shape.required or not strings_as_they_are:
            return frozenset()
        found = {name: self._shapes[member.shape] for name, member in shape.members.items() if not member.location_name}
        return frozenset(
            name for name, inner in found.items() if inner.type == "string" and constraints_of(inner) is None
        )

    def _element(self, reference: Member) -> Constraints | None:
        """The rules of an element that AWS reports on the collection instead of on the element."""
        shape = self._shapes[reference.shape]
        return None if self._closed else constraints_of(shape)


def _anything(value: Any, violations: list[Violation]) -> Any:
    return value


def _string(constraints: Constraints | None) -> Reader:
    if constraints is None:

        def read(value: Any, violations: list[Violation]) -> Any:
            return value if type(value) is str else json_string(value)

        return read
    broken, safe_length = constraints.broken, constraints.safe_length

    def read_checked(value: Any, violations: list[Violation]) -> Any:
        if type(value) is not str:
            json_string(value)
        if not 0 < len(value) <= safe_length and broken(value):
            violations.extend(constraints.violations(value))
        return value

    return read_checked


def _scalar(convert: Callable[[Any], Any], constraints: Constraints | None) -> Reader:
    if constraints is None:

        def read(value: Any, violations: list[Violation]) -> Any:
            return convert(value)

        return read

    def read_checked(value: Any, violations: list[Violation]) -> Any:
        value = convert(value)
        violations.extend(constraints.violations(value))
        return value

    return read_checked


def _structure(shape: Shape, members: dict[Key, tuple[str, str, Reader]], place: Place, *, closed: bool) -> Reader:
    required = () if closed else tuple(shape.required)

    def read(value: Any, violations: list[Violation]) -> Any:
        if type(value) is not dict:
            raise _misplaced(value, place, scalar="Unexpected value type in payload")
        found: dict[str, Any] = {}
        for key, inner in value.items():
            if inner is None or (member := members.get(key)) is None:
                if closed and inner is not None:
                    raise UnknownMember(path=key, shape=place.java)
                continue
            before = len(violations)
            found[member[0]] = member[2](inner, violations)
            if len(violations) != before:
                _place(violations, before, member[1])
        for absent in required:
            if absent not in found:
                _miss(violations, absent, shape)
        return found

    return read


def _misplaced(value: Any, place: Place, *, scalar: str) -> NotConvertible:
    """The error for `value` where something else was expected; `scalar` is said of one that a collection holds."""
    if isinstance(value, dict):
        return NotConvertible(NO_OBJECT)
    if isinstance(value, list):
        kind = "type" if place.java.endswith(">") else "type class"
        return NotConvertible(f"Unrecognized collection {kind} {place.java}")
    return NotConvertible(scalar if place.held else "Unexpected field type")


def _place(violations: list[Violation], start: int, name: str) -> None:
    for violation in violations[start:]:
        violation.under(name)


def _miss(violations: list[Violation], name: str, shape: Shape) -> None:
    violation = Violation(" null", NOT_NULL, whole=shape.missing.get(name, ""))
    violation.under(lower_first(name))
    violations.append(violation)


def _list(
    element: Reader, element_rules: Constraints | None, rules: Constraints | None, place: Place, *, sparse: bool
) -> Reader:
    def read(value: Any, violations: list[Violation]) -> Any:
        if type(value) is not list:
            raise _misplaced(value, place, scalar=PARAMETERIZED)
        if rules is not None:
            violations.extend(rules.violations(value))
        found: list[Any] = []
        for position, inner in enumerate(value, 1):
            before = len(violations)
            if inner is None:
                if not sparse:
                    violations.append(Violation(" null", NOT_NULL))
                    _place(violations, before, f"{position}.member")
                found.append(None)
                continue
            found.append(element(inner, violations))
            if len(violations) != before:
                if element_rules is not None:
                    del violations[before:]
                    text = f"Member must satisfy constraint: [{', '.join(element_rules.all_texts())}]"
                    violations.append(Violation(shown(value, element_rules.sensitive), text))
                    return value
                _place(violations, before, f"{position}.member")
        return found

    return read


def _map(
    element: Reader,
    element_rules: Constraints | None,
    key_rules: Constraints | None,
    rules: Constraints | None,
    place: Place,
    *,
    texts: frozenset[str],
) -> Reader:
    safe_length = 0 if key_rules is None else key_rules.safe_length

    def read(value: Any, violations: list[Violation]) -> Any:
        if type(value) is not dict:
            raise _misplaced(value, place, scalar=PARAMETERIZED)
        if rules is not None:
            violations.extend(rules.violations(value))
        found = {}
        for key, inner in value.items():
            if key_rules is not None and not 0 < len(key) <= safe_length and key_rules.broken(key):
                violations.append(_entry_violation("keys", key_rules, value))
                return value
            # A structure of one string, as most attribute values are, is already what its reader would make of it.
            if type(inner) is dict and len(inner) == 1:
                ((member, content),) = inner.items()
                if member in texts and type(content) is str:
                    found[key] = inner
                    continue
            before = len(violations)
            if inner is None:
                violations.append(Violation(" null", NOT_NULL))
            else:
                found[key] = element(inner, violations)
            if len(violations) != before:
                if element_rules is not None and inner is not None and element_rules.broken(inner):
                    del violations[before:]
                    violations.append(_entry_violation("value", element_rules, value))
                    return value
                _place(violations, before, f"{key}.member")
        return found

    return read


def _entry_violation(part: str, rules: Constraints, value: Any) -> Violation:
    text = f"Map {part} must satisfy constraint: [{', '.join(rules.all_texts())}]"
    return Violation(shown(value, rules.sensitive), text)
