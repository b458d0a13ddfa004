"""The monitor: delivers alerts, lets them climb until somebody answers, watches heartbeats."""

from nautilus_lab.monitoring._channel import Channel, Notice, Outcome
from nautilus_lab.monitoring._channels import channels_of
from nautilus_lab.monitoring._commands import MONITOR_COMMANDS
from nautilus_lab.monitoring._escalation import Escalation
from nautilus_lab.monitoring._log import LogChannel
from nautilus_lab.monitoring._mail import MailChannel
from nautilus_lab.monitoring._monitor import Monitor
from nautilus_lab.monitoring._rehearsal import Rehearsed, rehearse
from nautilus_lab.monitoring._republish import BusChannel
from nautilus_lab.monitoring._webhook import WebhookChannel
from nautilus_lab.monitoring._wire import encode_notice, sign, verify_webhook

__all__ = [
    "MONITOR_COMMANDS",
    "BusChannel",
    "Channel",
    "Escalation",
    "LogChannel",
    "MailChannel",
    "Monitor",
    "Notice",
    "Outcome",
    "Rehearsed",
    "WebhookChannel",
    "channels_of",
    "encode_notice",
    "rehearse",
    "sign",
    "verify_webhook",
]
