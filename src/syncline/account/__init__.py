"""Account: who may call and what they hold: IAM, STS and Secrets Manager, thin and durable, and the access keys."""

from syncline.account.actions import is_control, targets
from syncline.account.credentials import Credentials, RootKey, RootKeyUnreadable, load_root_key, read_root_key
from syncline.account.iam import Iam
from syncline.account.permissions import ALLOWED, Permissions, rule_of
from syncline.account.secretsmanager import SecretsManager
from syncline.account.sts import Sts

__all__ = [
    "ALLOWED",
    "Credentials",
    "Iam",
    "Permissions",
    "RootKey",
    "RootKeyUnreadable",
    "SecretsManager",
    "Sts",
    "is_control",
    "load_root_key",
    "read_root_key",
    "rule_of",
    "targets",
]
