"""The account's services over a store in memory, and a clock that a test may move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from syncline.account import Credentials, Iam, RootKey, SecretsManager, Sts
from syncline.core import Ids, Instant, SystemClock, Vault
from syncline.store import Store

ACCOUNT = "000000000000"


class MovableClock(SystemClock):
    """The machine's time, and as much more as the test moved it by."""

    def __init__(self) -> None:
        self.moved = 0.0

    def now(self) -> Instant:
        return Instant(super().now() + self.moved)

    def move(self, seconds: float) -> None:
        self.moved += seconds


class Account(NamedTuple):
    """Everything the room serves, over one store."""

    iam: Iam
    sts: Sts
    secrets: SecretsManager
    credentials: Credentials


Start = Callable[[], Awaitable[Account]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def root_key() -> RootKey:
    return RootKey("AKIAROOTROOTROOTROOT", "s" * 40, 1_700_000_000.0)


@pytest.fixture
def start(store: Store, clock: MovableClock, ids: Ids, root_key: RootKey) -> Start:
    """Start the room over the store, which may have been used before."""

    vault = Vault(b"k" * 32, ids)

    async def start() -> Account:
        credentials = Credentials(root_key, store, clock, ids, account=ACCOUNT, vault=vault)
        await credentials.load()
        return Account(
            Iam(store, credentials, clock, ids, account=ACCOUNT),
            Sts(store, credentials, account=ACCOUNT),
            SecretsManager(store, clock, ids, account=ACCOUNT, region="us-east-1", vault=vault),
            credentials,
        )

    return start


@pytest.fixture
async def account(start: Start) -> Account:
    return await start()


@pytest.fixture
def iam(account: Account) -> Iam:
    return account.iam


@pytest.fixture
def trust() -> str:
    """A trust policy."""
    return (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
        '"Action":"sts:AssumeRole"}]}'
    )


@pytest.fixture
def permissions() -> str:
    """A policy that grants something."""
    return '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": "*"}}'


@pytest.fixture
async def role(iam: Iam, trust: str) -> str:
    """The name of a role that is there."""
    await iam.create_role({"RoleName": "worker", "AssumeRolePolicyDocument": trust})
    return "worker"
