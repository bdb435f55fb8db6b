"""What a body of this room is told, beside its transaction: the request, the time, the account, fresh ids."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from syncline.core import arns

KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""Of AWS's ids and access key ids: base 32."""


class Ask(msgspec.Struct, frozen=True):
    """One operation under way. `entropy` is 64 unpredictable bytes of its own."""

    request: dict[str, Any]
    now: float
    account: str
    entropy: bytes

    def __getitem__(self, member: str) -> Any:
        return self.request[member]

    def get(self, member: str, default: Any = None) -> Any:
        """The request's `member`, or `default`."""
        return self.request.get(member, default)

    @property
    def path(self) -> str:
        """The request's `Path`, `/` when it names none."""
        return str(self.request.get("Path", "/"))

    @property
    def tags(self) -> dict[str, str]:
        """The request's `Tags` by key."""
        return {tag["Key"]: tag.get("Value", "") for tag in self.request.get("Tags", ())}

    def arn(self, kind: str, name: str) -> str:
        """The ARN of an IAM resource under the request's path."""
        return str(arns.Arn("iam", "", self.account, f"{kind}{self.path}{name}"))

    def id(self, prefix: str) -> str:
        """An id as AWS makes them: a prefix that tells its kind, and 17 of base 32."""
        return prefix + key_characters(self.entropy, 17)


def key_characters(entropy: bytes, count: int) -> str:
    """`count` characters of base 32 from the first bytes of `entropy`."""
    return "".join(KEY_ALPHABET[byte & 31] for byte in entropy[:count])


def secret_characters(entropy: bytes) -> str:
    """A secret access key: 40 characters of base 64, from 30 bytes."""
    assert len(entropy) == 30, "thirty bytes make forty characters"
    return base64.b64encode(entropy).decode()


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as AWS's answers list them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
