"""Channel paths: what is one, and who hears what is published there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.events.channels import channel_of
from syncline.events.errors import InvalidChannel
from syncline.hub import Topic

segments = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?", fullmatch=True)
paths = st.lists(segments, min_size=1, max_size=5)


@pytest.mark.rule("EVT-1")
@pytest.mark.parametrize("text", ["default/a", "/default/a", "/default/a/", "default/a/"])
def test_slashes_around_a_channel_do_not_matter(text: str) -> None:
    assert channel_of(text).path == "/default/a"
    assert channel_of(text).segments == ("default", "a")


@pytest.mark.rule("EVT-1")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "//a",
        "a//b",
        "a_b/c",
        "a.b",
        "a:b",
        "-a",
        "a-",
        "é",
        "a/b/c/d/e/f",
        "a" * 51,
        "default/*",
        "a\n",
        "a/b/\n",
        " a",
    ],
)
def test_what_is_no_channel_is_refused(text: str) -> None:
    with pytest.raises(InvalidChannel, match=r"^Invalid Channel Format$"):
        channel_of(text)


@pytest.mark.rule("EVT-2")
@pytest.mark.parametrize("text", ["/*", "*", "/ns/*/b", "/ns/a*", "/ns/*/", "/a/b/c/d/e/*", "/ns/**", "/ns/*/*"])
def test_a_wildcard_is_the_last_segment_and_one_of_the_five(text: str) -> None:
    with pytest.raises(InvalidChannel):
        channel_of(text, wildcard=True)


@pytest.mark.rule("EVT-2")
def test_a_pattern_is_a_channel_of_its_own_name() -> None:
    pattern = channel_of("ns/a/*", wildcard=True)
    assert (pattern.path, pattern.namespace, pattern.wildcard) == ("/ns/a/*", "ns", True)
    assert channel_of("/a/b/c/d/*", wildcard=True).segments == ("a", "b", "c", "d", "*")


@pytest.mark.rule("EVT-2")
@given(paths, paths)
def test_a_pattern_hears_exactly_what_lies_below_it(channel: list[str], prefix: list[str]) -> None:
    published = channel_of("/".join(channel))
    heard = {topic.name for topic in (published.topic("api"), *published.wider("api"))}
    for length in range(1, 5):
        below = "/" + "/".join([*channel[:length], "*"])
        assert (below in heard) == (len(channel) > length), "at any depth, and never the channel itself"
    if len(prefix) < 5:
        pattern = channel_of("/".join([*prefix, "*"]), wildcard=True).topic("api")
        matches = len(channel) > len(prefix) and channel[: len(prefix)] == prefix
        assert (pattern.name in heard) == matches


@pytest.mark.rule("EVT-2")
def test_a_publication_reaches_one_topic_per_level() -> None:
    published = channel_of("/a/b/c")
    assert published.topic("x") == Topic("x", "/a/b/c")
    assert published.wider("x") == (Topic("x", "/a/b/*"), Topic("x", "/a/*"))
