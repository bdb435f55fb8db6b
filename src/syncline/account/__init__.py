"""Account: who may call and what they hold: IAM, STS and Secrets Manager, thin and durable, and the access keys."""

from syncline.account.acting import Acting
from syncline.account.actions import is_control, passed_roles, targets
from syncline.account.credentials import Credentials, RootKey, RootKeyUnreadable, load_root_key, read_root_key
from syncline.account.enforcement import Enforcement, NotPermitted
from syncline.account.iam import Iam
from syncline.account.permissions import ALLOWED, Permissions, rule_of
from syncline.account.secretsmanager import SecretsManager
from syncline.account.sts import Sts

__all__ = [
    "ALLOWED",
    "Acting",
    "Credentials",
    "Enforcement",
    "Iam",
    "NotPermitted",
    "Permissions",
    "RootKey",
    "RootKeyUnreadable",
    "SecretsManager",
    "Sts",
    "is_control",
    "load_root_key",
    "passed_roles",
    "read_root_key",
    "rule_of",
    "targets",
]
