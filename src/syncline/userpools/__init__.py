"""User pools: people who sign up and sign in, their groups, and the tokens that say who they are (Cognito)."""

from syncline.userpools.engine import UserPoolEngine
from syncline.userpools.service import UserPools

__all__ = ["UserPoolEngine", "UserPools"]
