"""Layers: versions of zips that functions find beside their code.

Owns: the records of layer versions. Never: unpacks one (`code` does), or takes one from a function that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from syncline.core import arns
from syncline.functions.errors import FunctionNotFound, ParameterInvalid
from syncline.functions.model import LayerUse
from syncline.store import Collection, Store, Transaction

LAYERS_MAX = 5
_ARN = re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:layer:(?P<name>[\w-]+)(?::(?P<number>\d+))?")


class LayerVersion(msgspec.Struct, frozen=True):
    """A published version of a layer."""

    layer: str
    number: int
    code_sha256: str
    size: int
    created: float
    description: str = ""
    runtimes: list[str] | None = None
    architectures: list[str] | None = None
    licence: str = ""


class LastNumber(msgspec.Struct, frozen=True):
    """The number of a layer's last version: numbers are not used again."""

    number: int


class Layers:
    """The layer versions of one account and region."""

    def __init__(self, store: Store, *, region: str, account: str) -> None:
        self._store = store
        self._region = region
        self._prefix = arns.arn("lambda", region, account, "layer:")
        self._records = Collection("layer version", LayerVersion)
        self._numbers = Collection("layer number", LastNumber)
        self._versions: dict[tuple[str, int], LayerVersion] = {}

    async def load(self) -> None:
        """Read them from the store."""
        for version in await self._store.read(lambda view: self._records.list(view)):
            self._versions[version.layer, version.number] = version

    def arn(self, layer: str, number: int | None = None) -> str:
        """The ARN of a layer, or of a version of it."""
        return f"{self._prefix}{layer}" if number is None else f"{self._prefix}{layer}:{number}"

    def names(self) -> list[str]:
        """The layers that have versions."""
        return sorted({layer for layer, _ in self._versions})

    def of(self, layer: str) -> list[LayerVersion]:
        """A layer's versions, the newest first."""
        return [self._versions[key] for key in sorted(self._versions, reverse=True) if key[0] == layer]

    def find(self, layer: str, number: int) -> LayerVersion:
        """The version. Raises in Lambda's words: ParameterInvalid for a number that none has, FunctionNotFound."""
        check_number(number)
        found = self._versions.get((layer, number))
        if found is None:
            raise FunctionNotFound("The resource you requested does not exist.")
        return found

    def uses(self, sha256: str) -> bool:
        """Whether a layer version is this zip."""
        return sha256 in self.blobs()

    def blobs(self) -> set[str]:
        """The names of all zips of layers."""
        return {version.code_sha256 for version in self._versions.values()}

    def used(self, arns: Sequence[str]) -> list[LayerUse]:
        """What a function keeps of the layer versions it names. Raises ParameterInvalid."""
        if len(arns) > LAYERS_MAX:
            raise ParameterInvalid(f"Cannot reference more than {LAYERS_MAX} layers.")
        uses: dict[str, LayerUse] = {}
        for arn in arns:
            layer, number = parse_layer(arn)
            if arn.split(":")[3] != self._region:
                raise ParameterInvalid(
                    "Layers are not in the same region as the function. "
                    f"Layers are expected to be in region {self._region}."
                )
            version = self._versions.get((layer, number or 0))
            if version is None or arn != self.arn(layer, number):
                raise ParameterInvalid(f"Layer version {arn} does not exist.")
            if layer in uses:
                raise ParameterInvalid(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{uses[layer].arn} and {arn} are versions of the same layer."
                )
            uses[layer] = LayerUse(arn, version.size, version.code_sha256)
        return list(uses.values())

    async def publish(self, version: LayerVersion) -> LayerVersion:
        """Keep a new version under the layer's next number."""

        def body(txn: Transaction) -> LayerVersion:
            last = self._numbers.get(txn, version.layer)
            numbered = msgspec.structs.replace(version, number=last.number + 1 if last else 1)
            self._numbers.put(txn, LastNumber(numbered.number), version.layer)
            self._records.put(txn, numbered, version.layer, numbered.number)
            return numbered

        kept = (await self._store.write(body)).result
        self._versions[kept.layer, kept.number] = kept
        return kept

    async def delete(self, layer: str, number: int) -> None:
        """Forget a version, if it is there. Functions that use it keep it."""
        await self._store.write(lambda txn: self._records.delete(txn, layer, number))
        self._versions.pop((layer, number), None)


def check_number(number: int) -> None:
    """Raise unless a version may have this number."""
    if number < 1:
        raise ParameterInvalid("Layer Version Cannot be less than 1")


def parse_layer(text: str) -> tuple[str, int | None]:
    """The name and the number that an ARN, or a bare name, says."""
    found = _ARN.fullmatch(text)
    if found is None:
        return text, None
    return found["name"], int(found["number"]) if found["number"] else None
