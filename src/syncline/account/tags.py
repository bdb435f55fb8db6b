"""Tags: bodies that add, remove and list those of a role, a user or a policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.account.ask import Ask, tag_list
from syncline.account.paging import page
from syncline.account.policies import Holder
from syncline.store import Snapshot, Transaction


def add(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Add tags."""
    found = holder.find(txn, ask)
    holder.keep(txn, ask, found, tags=found.tags | ask.tags)
    return {}


def remove(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Take tags away."""
    found = holder.find(txn, ask)
    holder.keep(txn, ask, found, tags={key: value for key, value in found.tags.items() if key not in ask["TagKeys"]})
    return {}


def listing(snapshot: Snapshot, ask: Ask, find: Callable[[Snapshot, Ask], Any]) -> dict[str, Any]:
    """The tags by key, of what `find` finds."""
    return page(ask.request, "Tags", tag_list(find(snapshot, ask).tags), lambda tag: tag["Key"], lambda tag: tag)
