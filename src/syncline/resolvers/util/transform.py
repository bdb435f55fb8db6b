"""`util.transform.*`: filters as GraphQL inputs have them, as DynamoDB expressions and as subscription filters."""

from __future__ import annotations

from typing import Any

from syncline.resolvers.util.dynamodb import to_dynamodb
from syncline.vtl import MethodFailed

JSON = Any
Group = list[dict[str, JSON]]

COMPARISONS = {"eq": "=", "ne": "<>", "le": "<=", "lt": "<", "ge": ">=", "gt": ">"}
CALLS = {"contains": "contains", "notContains": "NOT contains", "beginsWith": "begins_with"}
TYPES = {"_null": "NULL", "string": "S", "stringSet": "SS", "number": "N", "numberSet": "NS", "binary": "B"}
TYPES |= {"binarySet": "BS", "boolean": "BOOL", "list": "L", "map": "M"}
GROUPS_MAX = 1_000
"""Or-groups multiply: a filter that expands to more is refused."""


def to_dynamodb_expression(condition: JSON) -> JSON:
    """A condition or filter expression with its names and values."""
    found = _Expression()
    text = " AND ".join(f"({each})" for each in found.members(condition, ""))
    return {"expression": text, "expressionNames": found.names, "expressionValues": found.values}


class _Expression:
    """The expression being written, with its names and values."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, JSON] = {}

    def members(self, condition: JSON, path: str) -> list[str]:
        """A map's conditions, none in parentheses: DynamoDB refuses two pairs around one thing."""
        if not isinstance(condition, dict):
            raise MethodFailed("a condition must be a map")
        return [self._member(name, value, path) for name, value in condition.items()]

    def _conditions(self, condition: JSON, path: str) -> str:
        return _joined(self.members(condition, path), " AND ")

    def _member(self, name: str, value: JSON, path: str) -> str:
        if name in ("and", "or"):
            parts = value if type(value) is list else [value]
            glue = f" {name.upper()} "
            return _joined([self._conditions(each, f"{path}{name}_{at}_") for at, each in enumerate(parts)], glue)
        if name == "not":
            return f"NOT ({self._conditions(value, f'{path}not_')})"
        if not isinstance(value, dict):
            raise MethodFailed(f"the condition of {name} must be a map of operators")
        self.names[f"#{name}"] = name
        return " AND ".join(
            self._operator(name, f"#{name}", operator, operand, path) for operator, operand in value.items()
        )

    def _operator(self, field: str, subject: str, operator: str, operand: JSON, path: str) -> str:
        label = f":{path}{field}_{operator}"
        if operator in COMPARISONS:
            return f"{subject} {COMPARISONS[operator]} {self._value(label, operand)}"
        if operator in CALLS:
            return f"{CALLS[operator]}({subject},{self._value(label, operand)})"
        if operator == "attributeExists":
            return f"attribute_{'exists' if operand is True else 'not_exists'}({subject})"
        if operator == "attributeType":
            return f"attribute_type({subject},{self._value(label, TYPES.get(operand, operand))})"
        if operator == "between" and type(operand) is list and len(operand) == 2:
            low, high = (self._value(f"{label}_{at}", each) for at, each in enumerate(operand, 1))
            return f"{subject} BETWEEN {low} AND {high}"
        if operator == "in" and type(operand) is list:
            return (
                f"{subject} IN ({', '.join(self._value(f'{label}_{at}', each) for at, each in enumerate(operand, 1))})"
            )
        if operator == "size" and isinstance(operand, dict):
            size = f"size({subject})"
            return " AND ".join(
                self._operator(f"{field}_size", size, inner, value, path) for inner, value in operand.items()
            )
        raise MethodFailed(f"Unsupported condition {field}.{operator}.")

    def _value(self, label: str, value: JSON) -> str:
        self.values[label] = to_dynamodb(value)
        return label


def _joined(parts: list[str], glue: str) -> str:
    return parts[0] if len(parts) == 1 else glue.join(f"({each})" for each in parts)


def to_subscription_filter(condition: JSON, ignored: JSON = None, rules: JSON = None) -> JSON:
    """An enhanced subscription filter: groups are OR, the filters of a group AND."""
    groups = _expand(condition, set(ignored or ()))
    if rules:
        extra = [_filter(name, operator, value) for name, each in rules.items() for operator, value in each.items()]
        groups = [[*group, rule] for group in groups for rule in extra]
    return {"filterGroup": [{"filters": group} for group in groups]}


def _expand(condition: JSON, ignored: set[str]) -> list[Group]:
    if not isinstance(condition, dict):
        raise MethodFailed("a filter must be a map")
    groups: list[Group] = [[]]
    for name, value in condition.items():
        if name == "and":
            for each in value:
                groups = _cross(groups, _expand(each, ignored))
        elif name == "or":
            alternatives = [group for each in value for group in _expand(each, ignored) if group]
            groups = _cross(groups, alternatives) if alternatives else groups
        elif name not in ignored:
            groups = _cross(groups, [[_filter(name, operator, operand)] for operator, operand in value.items()])
    return groups


def _cross(groups: list[Group], alternatives: list[Group]) -> list[Group]:
    if len(groups) * len(alternatives) > GROUPS_MAX:
        raise MethodFailed(f"a filter may expand to at most {GROUPS_MAX:,} groups")
    return [group + each for group in groups for each in alternatives]


def _filter(name: str, operator: str, value: JSON) -> dict[str, JSON]:
    return {"fieldName": name, "operator": operator, "value": value}
