"""Monitoring: logs, metrics and alarms, as CloudWatch and Logs serve them, over what this server really does."""

from syncline.monitoring.alarms import Alarms
from syncline.monitoring.aws_metrics import Row
from syncline.monitoring.cloudwatch_service import CloudWatchService
from syncline.monitoring.logs import Logs
from syncline.monitoring.logs_service import LogsService
from syncline.monitoring.metrics import Metrics
from syncline.monitoring.prometheus import PROMETHEUS_TYPE, prometheus_text
from syncline.monitoring.sampler import MetricSampler
from syncline.monitoring.writer import LogWriter, tells

__all__ = [
    "PROMETHEUS_TYPE",
    "Alarms",
    "CloudWatchService",
    "LogWriter",
    "Logs",
    "LogsService",
    "MetricSampler",
    "Metrics",
    "Row",
    "prometheus_text",
    "tells",
]
