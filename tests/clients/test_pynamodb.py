"""A program written with PynamoDB, unmodified: models, indexes, conditions, transactions, paging, versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from support.server import REGION, Server


class ByAuthor(GlobalSecondaryIndex["Post"]):
    class Meta:
        index_name = "by_author"
        projection = AllProjection()
        read_capacity_units = 1
        write_capacity_units = 1

    author = UnicodeAttribute(hash_key=True)
    views = NumberAttribute(range_key=True)


class ByViews(LocalSecondaryIndex["Post"]):
    class Meta:
        index_name = "by_views"
        projection = AllProjection()

    forum = UnicodeAttribute(hash_key=True)
    views = NumberAttribute(range_key=True)


class Post(Model):
    class Meta:
        table_name = "pynamodb-posts"
        region = REGION
        aws_access_key_id = aws_secret_access_key = "any"
        host = ""

    forum = UnicodeAttribute(hash_key=True)
    subject = UnicodeAttribute(range_key=True)
    author = UnicodeAttribute()
    views = NumberAttribute(default=0)
    tags = UnicodeSetAttribute(null=True)
    notes: ListAttribute[Any] = ListAttribute(null=True)
    extra = JSONAttribute(null=True)
    version = VersionAttribute()
    by_author = ByAuthor()
    by_views = ByViews()


@pytest.fixture(scope="module")
def posts(server: Server) -> Iterator[type[Post]]:
    """The model's table, made by PynamoDB."""
    Post.Meta.host = server.url
    Post.create_table(read_capacity_units=1, write_capacity_units=1, wait=True)
    yield Post
    Post.delete_table()


def test_a_model_is_saved_read_and_deleted(posts: type[Post]) -> None:
    Post("a", "one", author="ann", tags={"x", "y"}, notes=[1, "two", {"three": None}], extra={"k": [1.5]}).save()
    found = Post.get("a", "one", consistent_read=True)
    assert (found.author, found.tags, found.notes, found.extra, found.version) == (
        "ann", {"x", "y"}, [1, "two", {"three": None}], {"k": [1.5]}, 1,
    )  # fmt: skip
    assert Post.count("a") == 1
    found.delete()
    with pytest.raises(Post.DoesNotExist):
        Post.get("a", "one")


def test_conditions_and_updates(posts: type[Post]) -> None:
    post = Post("b", "one", author="ben", views=1)
    post.save(condition=Post.subject.does_not_exist())
    post.update(
        actions=[Post.views.add(5), Post.tags.set({"t"}), Post.notes.set((Post.notes | []).append(["n"]))],
        condition=(Post.views < 5) & Post.author.startswith("b"),
    )
    assert (post.views, post.tags, post.notes, post.version) == (6, {"t"}, ["n"], 2)
    post.update(actions=[Post.tags.delete({"t"}), Post.notes.remove()])
    assert (Post.get("b", "one").tags, Post.get("b", "one").notes) == (None, None)
    with pytest.raises(UpdateError, match="The conditional request failed"):
        post.update(actions=[Post.views.set(0)], condition=Post.views.is_in(1, 2))
    with pytest.raises(PutError):
        Post("b", "one", author="other").save(condition=Post.subject.does_not_exist())


def test_versions_guard_against_lost_updates(posts: type[Post]) -> None:
    Post("v", "one", author="vic").save()
    first, second = Post.get("v", "one"), Post.get("v", "one")
    first.views = 1
    first.save()
    second.views = 2
    with pytest.raises(PutError):
        second.save()
    with pytest.raises(DeleteError):
        second.delete()
    second.refresh()
    assert (second.views, second.version) == (1, 2)


def test_queries_page_filter_and_use_indexes(posts: type[Post]) -> None:
    with Post.batch_write() as batch:
        for n in range(60):
            batch.save(Post("q", f"s{n:02}", author=f"a{n % 3}", views=n))
    found = [post.subject for post in Post.query("q", Post.subject.between("s10", "s19"), page_size=3)]
    assert found == [f"s{n}" for n in range(10, 20)]
    newest = Post.query("q", filter_condition=Post.author == "a1", scan_index_forward=False, limit=2)
    assert [post.subject for post in newest] == ["s58", "s55"]
    by_author = Post.by_author.query("a2", Post.views >= 50)
    assert [post.views for post in by_author] == [50, 53, 56, 59]
    assert [post.views for post in Post.by_views.query("q", Post.views < 3)] == [0, 1, 2]
    page = Post.query("q", limit=5)
    assert len(list(page)) == 5
    rest = Post.query("q", last_evaluated_key=page.last_evaluated_key)
    assert len(list(rest)) == 55
    assert len(list(Post.batch_get([("q", f"s{n:02}") for n in range(60)] + [("q", "none")]))) == 60
    assert len(list(Post.scan(Post.forum == "q", segment=0, total_segments=1))) == 60


def test_transactions(posts: type[Post], server: Server) -> None:
    connection = Connection(region=REGION, host=server.url)
    connection.session.set_credentials("any", "any")
    Post("t", "old", author="tom").save()
    with TransactWrite(connection=connection, client_request_token="pynamodb") as transaction:
        transaction.save(Post("t", "new", author="tom"))
        transaction.condition_check(Post, "t", "old", condition=Post.author == "tom")
    with TransactGet(connection=connection) as reading:
        new, old = reading.get(Post, "t", "new"), reading.get(Post, "t", "old")
    assert (new.get().author, old.get().author) == ("tom", "tom")
    refused = TransactWrite(connection=connection)
    refused.save(Post("t", "never", author="tom"))
    refused.condition_check(Post, "t", "old", condition=Post.author == "ann")
    with pytest.raises(TransactWriteError) as caught:
        refused._commit()
    # PynamoDB sends its checks first.
    assert [reason and reason.code for reason in caught.value.cancellation_reasons] == ["ConditionalCheckFailed", None]
    assert Post.count("t") == 2
