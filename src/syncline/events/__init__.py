"""Events: Event APIs as AppSync has them — channel namespaces, channels, publishing over HTTP and WebSocket."""

from syncline.events.engine import EventsEngine
from syncline.events.service import Events

__all__ = ["Events", "EventsEngine"]
