"""Which instruments of this server are which metrics of AWS: rows, no behaviour.

An instrument that counts becomes a Sum, a summary keeps its extremes, a gauge is sampled. A row with no dimensions
adds up what all instruments of that name say: AWS has such figures for Lambda as a whole, and for UserErrors.
Not mapped: figures this server does not measure.
"""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One metric: the instrument's name, and AWS's dimension for each label that varies."""

    instrument: str
    namespace: str
    metric: str
    unit: str
    dimensions: dict[str, str] = {}
    of: str = ""
    """The counter, with the same labels, of all cases: what did not happen counts as 0, so Average is a rate."""
    each_minute: bool = False
    """A gauge that AWS tells once a minute, so that its Sum over a minute is the number itself."""
    beside: str = ""
    """Only for APIs that have an instrument of this name, too: the hub's figures do not say of which kind an API is."""
    summed: bool = False
    """A gauge of the whole: what all its instruments say at one time, added up."""


def _both(instrument: str, metric: str, unit: str, of: str = "") -> list[Row]:
    by_function = Row(instrument, "AWS/Lambda", metric, unit, {"FunctionName": "function"}, of=of)
    return [by_function, Row(instrument, "AWS/Lambda", metric, unit, of=of)]


def _mapping(instrument: str, metric: str) -> Row:
    return Row(instrument, "AWS/Lambda", metric, "Count", {"EventSourceMappingUUID": "mapping"})


_FUNCTIONS: list[Row] = [
    *_both("syncline_functions_invocations_total", "Invocations", "Count"),
    *_both("syncline_functions_errors_total", "Errors", "Count", of="syncline_functions_invocations_total"),
    *_both("syncline_functions_throttles_total", "Throttles", "Count"),
    *_both("syncline_functions_duration_ms", "Duration", "Milliseconds"),
    Row(
        "syncline_functions_running_invocations",
        "AWS/Lambda",
        "ConcurrentExecutions",
        "Count",
        {"FunctionName": "function"},
    ),
    Row("syncline_functions_running_invocations", "AWS/Lambda", "ConcurrentExecutions", "Count", summed=True),
    *_both("syncline_functions_iterator_age_ms", "IteratorAge", "Milliseconds"),
    *_both("syncline_functions_async_events_total", "AsyncEventsReceived", "Count"),
    *_both("syncline_functions_dropped_async_events_total", "AsyncEventsDropped", "Count"),
    *_both("syncline_functions_destination_failures_total", "DestinationDeliveryFailures", "Count"),
    _mapping("syncline_functions_polled_events_total", "PolledEventCount"),
    _mapping("syncline_functions_filtered_out_events_total", "FilteredOutEventCount"),
    _mapping("syncline_functions_invoked_events_total", "InvokedEventCount"),
    _mapping("syncline_functions_failed_events_total", "FailedInvokeEventCount"),
    _mapping("syncline_functions_dropped_events_total", "DroppedEventCount"),
    _mapping("syncline_functions_delivered_events_total", "OnFailureDestinationDeliveredEventCount"),
]

_API = {"GraphQLAPIId": "api"}
_TABLE = {"TableName": "table"}
_OPERATION = {"TableName": "table", "Operation": "operation"}
_REQUESTS = "syncline_graphql_requests_total"
_DELIVERIES, _DROPPED = "syncline_hub_deliveries_total", "syncline_hub_dropped_publications_total"
_UNITS, _SIZES, _FAILURES = (
    "syncline_hub_delivered_units_total",
    "syncline_hub_delivered_payload_bytes",
    "syncline_hub_failures_total",
)

_APIS: list[Row] = [
    Row(_REQUESTS, "AWS/AppSync", "Requests", "Count", _API),
    Row(_REQUESTS, "AWS/AppSync", "TokensConsumed", "Count", _API),
    Row("syncline_graphql_latency_ms", "AWS/AppSync", "Latency", "Milliseconds", _API),
    Row("syncline_graphql_errors_4xx_total", "AWS/AppSync", "4XXError", "Count", _API, of=_REQUESTS),
    Row("syncline_graphql_errors_5xx_total", "AWS/AppSync", "5XXError", "Count", _API, of=_REQUESTS),
    Row("syncline_graphql_connects_total", "AWS/AppSync", "ConnectSuccess", "Count", _API),
    Row("syncline_graphql_connect_errors_total", "AWS/AppSync", "ConnectClientError", "Count", _API),
    Row("syncline_graphql_connect_server_errors_total", "AWS/AppSync", "ConnectServerError", "Count", _API),
    Row("syncline_graphql_subscribes_total", "AWS/AppSync", "SubscribeSuccess", "Count", _API),
    Row("syncline_graphql_subscribe_errors_total", "AWS/AppSync", "SubscribeClientError", "Count", _API),
    Row("syncline_graphql_subscribe_server_errors_total", "AWS/AppSync", "SubscribeServerError", "Count", _API),
    Row("syncline_graphql_connections", "AWS/AppSync", "ActiveConnections", "Count", _API, each_minute=True),
    Row("syncline_graphql_subscriptions", "AWS/AppSync", "ActiveSubscriptions", "Count", _API, each_minute=True),
    Row("syncline_graphql_connect_requests_total", "AWS/AppSync", "ConnectRequests", "Count", _API),
    Row("syncline_graphql_disconnects_total", "AWS/AppSync", "DisconnectSuccess", "Count", _API),
    Row("syncline_graphql_disconnect_errors_total", "AWS/AppSync", "DisconnectClientError", "Count", _API),
    Row("syncline_graphql_unsubscribes_total", "AWS/AppSync", "UnsubscribeSuccess", "Count", _API),
    Row("syncline_graphql_unsubscribe_errors_total", "AWS/AppSync", "UnsubscribeClientError", "Count", _API),
    Row("syncline_graphql_connection_ms", "AWS/AppSync", "ConnectionDuration", "Milliseconds", _API),
    Row("syncline_graphql_invalidation_requests_total", "AWS/AppSync", "InvalidationRequestSuccess", "Count", _API),
    Row("syncline_graphql_invalidation_errors_total", "AWS/AppSync", "InvalidationRequestError", "Count", _API),
    Row("syncline_graphql_invalidations_total", "AWS/AppSync", "InvalidationSuccess", "Count", _API),
    Row(_DROPPED, "AWS/AppSync", "InboundMessageError", "Count", _API, beside=_REQUESTS),
    Row("syncline_hub_publications_total", "AWS/AppSync", "InboundMessageSuccess", "Count", _API, beside=_REQUESTS),
    Row("syncline_graphql_failed_publications_total", "AWS/AppSync", "InboundMessageFailure", "Count", _API),
    Row(_DELIVERIES, "AWS/AppSync", "PublishDataMessageSuccess", "Count", _API, beside=_REQUESTS),
    Row(_FAILURES, "AWS/AppSync", "PublishDataMessageServerError", "Count", _API, beside=_REQUESTS),
    Row(_SIZES, "AWS/AppSync", "PublishDataMessageSize", "Bytes", _API, beside=_REQUESTS),
    Row(_UNITS, "AWS/AppSync", "OutboundMessages", "Count", _API, beside=_REQUESTS),
]

_EVENT_API = {"EventAPIId": "api"}
_NAMESPACE = {"EventAPIId": "api", "ChannelNamespaceName": "namespace"}
_EVENT_REQUESTS = "syncline_events_requests_total"


def _event(name: str, metric: str, unit: str = "Count") -> list[Row]:
    instrument = f"syncline_events_{name}"
    return [Row(instrument, "AWS/AppSync", metric, unit, each) for each in (_EVENT_API, _NAMESPACE)]


_EVENTS: list[Row] = [
    Row(_EVENT_REQUESTS, "AWS/AppSync", "Requests", "Count", _EVENT_API),
    Row("syncline_events_latency_ms", "AWS/AppSync", "Latency", "Milliseconds", _EVENT_API),
    Row("syncline_events_errors_4xx_total", "AWS/AppSync", "4XXError", "Count", _EVENT_API, of=_EVENT_REQUESTS),
    Row("syncline_events_errors_5xx_total", "AWS/AppSync", "5XXError", "Count", _EVENT_API, of=_EVENT_REQUESTS),
    Row("syncline_events_tokens_total", "AWS/AppSync", "TokensConsumed", "Count", _EVENT_API),
    Row("syncline_events_connect_requests_total", "AWS/AppSync", "ConnectRequests", "Count", _EVENT_API),
    Row("syncline_events_connect_server_errors_total", "AWS/AppSync", "ConnectServerError", "Count", _EVENT_API),
    Row("syncline_events_connects_total", "AWS/AppSync", "ConnectSuccess", "Count", _EVENT_API),
    Row("syncline_events_connect_errors_total", "AWS/AppSync", "ConnectClientError", "Count", _EVENT_API),
    Row("syncline_events_disconnects_total", "AWS/AppSync", "DisconnectSuccess", "Count", _EVENT_API),
    Row("syncline_events_unsubscribe_errors_total", "AWS/AppSync", "UnsubscribeClientError", "Count", _EVENT_API),
    Row("syncline_events_disconnect_errors_total", "AWS/AppSync", "DisconnectClientError", "Count", _EVENT_API),
    Row("syncline_events_connection_ms", "AWS/AppSync", "ConnectionDuration", "Milliseconds", _EVENT_API),
    Row("syncline_events_inbound_messages_total", "AWS/AppSync", "InboundMessages", "Count", _EVENT_API),
    Row("syncline_events_dropped_messages_total", "AWS/AppSync", "InboundMessageDropped", "Count", _EVENT_API),
    Row(_UNITS, "AWS/AppSync", "OutboundMessages", "Count", _EVENT_API, beside=_EVENT_REQUESTS),
    Row("syncline_events_connections", "AWS/AppSync", "ActiveConnections", "Count", _EVENT_API, each_minute=True),
    Row("syncline_events_subscriptions", "AWS/AppSync", "ActiveSubscriptions", "Count", _EVENT_API, each_minute=True),
    *_event("successful_events_total", "SuccessfulEvents"),
    *_event("failed_events_total", "FailedEvents"),
    *_event("dropped_events_total", "DroppedEvents"),
    *_event("publish_handler_invocations_total", "PublishedHandlerInvocations"),
    *_event("subscribe_handler_invocations_total", "SubscribeHandlerInvocations"),
    *_event("publishes_total", "PublishSuccess"),
    *_event("publish_client_errors_total", "PublishClientError"),
    *_event("publish_server_errors_total", "PublishServerError"),
    *_event("subscribes_total", "SubscribeSuccess"),
    *_event("subscribe_client_errors_total", "SubscribeClientError"),
    *_event("subscribe_server_errors_total", "SubscribeServerError"),
    *_event("unsubscribes_total", "UnsubscribeSuccess"),
    *_event("broadcast_events_total", "BroadcastEventSuccess"),
    *_event("broadcast_client_errors_total", "BroadcastEventClientError"),
    *_event("broadcast_server_errors_total", "BroadcastEventServerError"),
    *_event("broadcast_event_bytes", "BroadcastEventSize", "Bytes"),
]

_TABLES: list[Row] = [
    Row("syncline_tables_consumed_read_units_total", "AWS/DynamoDB", "ConsumedReadCapacityUnits", "Count", _TABLE),
    Row("syncline_tables_consumed_write_units_total", "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Count", _TABLE),
    Row(
        "syncline_tables_conditional_check_failures_total",
        "AWS/DynamoDB",
        "ConditionalCheckFailedRequests",
        "Count",
        _TABLE,
    ),
    Row("syncline_tables_request_ms", "AWS/DynamoDB", "SuccessfulRequestLatency", "Milliseconds", _OPERATION),
    Row("syncline_tables_returned_items", "AWS/DynamoDB", "ReturnedItemCount", "Count", _OPERATION),
    Row("syncline_tables_user_errors_total", "AWS/DynamoDB", "UserErrors", "Count"),
]

ROWS: list[Row] = [*_FUNCTIONS, *_APIS, *_EVENTS, *_TABLES]
