"""The local bus: order, bounds, gaps told."""

from syncline.bus import Gap, LocalBus, Message


async def test_a_subscriber_gets_its_subject_in_order() -> None:
    bus = LocalBus()
    listening = bus.subscribe("a")
    bus.publish("a", b"1")
    bus.publish("b", b"x")
    bus.publish("a", b"2")
    assert [await listening.receive(), await listening.receive()] == [Message("a", b"1"), Message("a", b"2")]
    listening.close()
    bus.publish("a", b"3")


async def test_one_that_falls_behind_loses_the_oldest_and_is_told_how_many() -> None:
    bus = LocalBus(messages_max=2)
    listening = bus.subscribe("a")
    for n in range(5):
        bus.publish("a", b"%d" % n)
    assert [await listening.receive() for _ in range(3)] == [Gap(3), Message("a", b"3"), Message("a", b"4")]
