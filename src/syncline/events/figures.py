"""The instruments of Event APIs: one set per API, one per namespace.

For: `live_api`. Owns: their names. `monitoring` maps them to AppSync's metrics.
"""

from __future__ import annotations

from collections.abc import Callable

from syncline.core import Meter, Outcomes
from syncline.hub import GAPS
from syncline.hub import Figures as ReturnFigures


class ApiFigures:
    """What is counted per API."""

    def __init__(self, meter: Meter, api: str, members: Callable[[], int]) -> None:
        self.requests = meter.counter("syncline_events_requests_total", api=api)
        self.latency = meter.summary("syncline_events_latency_ms", api=api)
        self.errors_4xx = meter.counter("syncline_events_errors_4xx_total", api=api)
        self.errors_5xx = meter.counter("syncline_events_errors_5xx_total", api=api)
        self.tokens = meter.counter("syncline_events_tokens_total", api=api)
        self.connect_requests = meter.counter("syncline_events_connect_requests_total", api=api)
        self.messages_dropped = meter.counter("syncline_events_dropped_messages_total", api=api)
        self.connects = Outcomes(
            meter.counter("syncline_events_connects_total", api=api),
            meter.counter("syncline_events_connect_errors_total", api=api),
            meter.counter("syncline_events_connect_server_errors_total", api=api),
        )
        self.disconnects = meter.counter("syncline_events_disconnects_total", api=api)
        self.disconnect_errors = meter.counter("syncline_events_disconnect_errors_total", api=api)
        self.unsubscribe_errors = meter.counter("syncline_events_unsubscribe_errors_total", api=api)
        self.nowhere = NamespaceFigures(meter, api=api)
        """What names no namespace that there is."""
        self.connection_ms = meter.summary("syncline_events_connection_ms", api=api)
        self.messages_in = meter.counter("syncline_events_inbound_messages_total", api=api)
        self.returns = ReturnFigures(
            meter.counter("syncline_events_resumed_total", api=api),
            {gap: meter.counter("syncline_events_unresumed_total", api=api, reason=gap) for gap in GAPS},
        )
        self.connections = 0
        self.subscriptions = 0
        meter.gauge("syncline_events_connections", lambda: self.connections, api=api)
        meter.gauge("syncline_events_subscriptions", lambda: self.subscriptions, api=api)
        meter.gauge("syncline_events_members", members, api=api)


class NamespaceFigures:
    """What is counted per namespace. `labels`: its API and its name."""

    def __init__(self, meter: Meter, **labels: str) -> None:
        self.successful = meter.counter("syncline_events_successful_events_total", **labels)
        self.failed = meter.counter("syncline_events_failed_events_total", **labels)
        self.dropped = meter.counter("syncline_events_dropped_events_total", **labels)
        self.publish_handlers = meter.counter("syncline_events_publish_handler_invocations_total", **labels)
        self.subscribe_handlers = meter.counter("syncline_events_subscribe_handler_invocations_total", **labels)
        self.publishes = Outcomes(
            meter.counter("syncline_events_publishes_total", **labels),
            meter.counter("syncline_events_publish_client_errors_total", **labels),
            meter.counter("syncline_events_publish_server_errors_total", **labels),
        )
        self.subscribes = Outcomes(
            meter.counter("syncline_events_subscribes_total", **labels),
            meter.counter("syncline_events_subscribe_client_errors_total", **labels),
            meter.counter("syncline_events_subscribe_server_errors_total", **labels),
        )
        self.unsubscribes = meter.counter("syncline_events_unsubscribes_total", **labels)
        self.broadcasts = Outcomes(
            meter.counter("syncline_events_broadcast_events_total", **labels),
            meter.counter("syncline_events_broadcast_client_errors_total", **labels),
            meter.counter("syncline_events_broadcast_server_errors_total", **labels),
        )
        self.broadcast_bytes = meter.summary("syncline_events_broadcast_event_bytes", **labels)
