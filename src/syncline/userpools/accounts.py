"""Users' lives: sign-up, confirmation, recovery, attributes; and what administrators do to them.

For: `service`. Owns: which state a user goes to. Never: issues a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.core import Clock, Ids, Vault
from syncline.store import Snapshot
from syncline.userpools import attributes, directory, passwords
from syncline.userpools.catalog import Catalog
from syncline.userpools.codes import Codes, check_channel, with_code, without_code
from syncline.userpools.directory import Directory
from syncline.userpools.errors import (
    AliasTaken,
    CodeWrong,
    NameTaken,
    NoSuchUser,
    NotAuthorized,
    ParameterInvalid,
)
from syncline.userpools.model import Client, Pool, User
from syncline.userpools.sign_ins import SignIns
from syncline.userpools.triggers import Triggers, attributes_event

Members = dict[str, Any]
UNCONFIRMED, CONFIRMED = "UNCONFIRMED", "CONFIRMED"
FORCE_CHANGE, RESET_REQUIRED = "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED"
DAY = 86_400.0


class Accounts:
    """The verbs over users."""

    def __init__(
        self,
        catalog: Catalog,
        users: Directory,
        codes: Codes,
        sign_ins: SignIns,
        triggers: Triggers,
        vault: Vault,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._catalog, self._users, self._codes, self._sign_ins = catalog, users, codes, sign_ins
        self._triggers, self._vault, self._clock, self._ids = triggers, vault, clock, ids

    # --- sign-up

    async def sign_up(self, request: Members) -> Members:
        """A new user, by themselves."""
        client, pool = self._asked(request)
        if pool.config["AdminCreateUserConfig"].get("AllowAdminCreateUserOnly"):
            raise NotAuthorized("SignUp is not permitted for this user pool")
        given = attributes.from_list(request.get("UserAttributes"))
        attributes.check_writable(client, given)
        user = self._new(pool, request["Username"], given)
        attributes.check_required(pool, user.attributes)
        password = request.get("Password") or ""
        passwords.check(pool, password)
        user = msgspec.structs.replace(user, **self._kept(pool, user.name, password))
        user = await self._approved(pool, client, user, request, source="SignUp")
        channel = None if user.status == CONFIRMED else self._codes.channel(pool, user, purpose="confirm")
        code = ""
        if channel is not None:
            code, kept = self._codes.new(user, "confirm", channel)
            user = with_code(user, "confirm", kept)
        user = await self._users.add(pool, user, lambda snapshot: _check_free(snapshot, pool, user))
        answer: Members = {"UserConfirmed": user.status == CONFIRMED, "UserSub": user.sub}
        if channel is not None:
            answer["CodeDeliveryDetails"] = await self._codes.send(
                pool, user, client, purpose="confirm", secret=code, attribute=channel
            )
        if user.status == CONFIRMED:
            await self._confirmed(pool, client, user, "ConfirmSignUp", request)
        return answer

    async def confirm_sign_up(self, request: Members) -> Members:
        """Confirmed by the code that was sent."""
        client, pool = self._asked(request)
        user = await self._known(pool, client, request["Username"], unknown=CodeWrong)
        if user.status != UNCONFIRMED:
            raise NotAuthorized(f"User cannot be confirmed. Current status is {user.status}")
        kept = self._codes.check(user, "confirm", request["ConfirmationCode"])
        force = bool(request.get("ForceAliasCreation"))

        def confirm(snapshot: Snapshot, old: User) -> User:
            self._check_alias(snapshot, pool, old, kept.attribute, force=force)
            verified = old.attributes | {f"{kept.attribute}_verified": "true"}
            return without_code(old, "confirm", status=CONFIRMED, attributes=verified)

        user = await self._users.change(user, confirm)
        await self._confirmed(pool, client, user, "ConfirmSignUp", request)
        return {}

    async def resend_code(self, request: Members) -> Members:
        """Another code for a user who is not confirmed."""
        client, pool = self._asked(request)
        user = await self._users.find(pool, request["Username"])
        if user is None:
            if client.discreet:
                return {"CodeDeliveryDetails": attributes.delivery("email", request["Username"])}
            raise NoSuchUser("Username/client id combination not found.")
        if user.status != UNCONFIRMED:
            raise ParameterInvalid("User is already confirmed.")
        channel = check_channel(self._codes.channel(pool, user, purpose="confirm"))
        return {"CodeDeliveryDetails": await self._code(pool, client, user, "confirm", channel, source="ResendCode")}

    async def admin_confirm(self, request: Members) -> Members:
        """Confirmed by an administrator: verifies nothing."""
        pool, user = await self._named(request)
        if user.status != UNCONFIRMED:
            raise NotAuthorized(f"User cannot be confirmed. Current status is {user.status}")
        user = await self._users.update(user, status=CONFIRMED)
        await self._confirmed(pool, None, user, "ConfirmSignUp", request)
        return {}

    # --- recovery

    async def forgot_password(self, request: Members) -> Members:
        """A code to a verified address; the old password works on until it is used."""
        client, pool = self._asked(request)
        user = await self._users.find(pool, request["Username"])
        if user is None:
            metadata = request.get("ClientMetadata") or {}
            user = await self.migrate(pool, client, request["Username"], None, metadata)
        if user is None:
            if client.discreet:
                return {"CodeDeliveryDetails": attributes.delivery("email", request["Username"])}
            raise NoSuchUser("Username/client id combination not found.")
        self._check_enabled(user)
        if user.status == FORCE_CHANGE:
            raise NotAuthorized("User password cannot be reset in the current state.")
        channel = check_channel(self._codes.channel(pool, user, purpose="reset"))
        return {"CodeDeliveryDetails": await self._code(pool, client, user, "reset", channel)}

    async def confirm_forgot_password(self, request: Members) -> Members:
        """A new password by code. Ends every sign-in: whoever knew the old one is out."""
        client, pool = self._asked(request)
        user = await self._known(pool, client, request["Username"], unknown=CodeWrong)
        self._check_enabled(user)
        passwords.check(pool, request["Password"])
        self._codes.check(user, "reset", request["ConfirmationCode"])
        members = self._kept(pool, user.name, request["Password"])
        user = await self._users.change(
            user, lambda _, old: without_code(old, "reset", status=CONFIRMED, temporary_until=None, **members)
        )
        await self._sign_ins.revoke_all(user)
        await self._confirmed(pool, client, user, "ConfirmForgotPassword", request)
        return {}

    async def change_password(self, pool: Pool, user: User, request: Members) -> Members:
        """A new password by the old one."""
        if not passwords.matches(pool, user, request.get("PreviousPassword") or "", self._vault):
            raise NotAuthorized
        passwords.check(pool, request["ProposedPassword"])
        await self._users.update(user, **self._kept(pool, user.name, request["ProposedPassword"]))
        return {}

    async def set_password(self, pool: Pool, user: User, password: str, *, permanent: bool) -> User:
        """A password set by somebody else, or the answer to NEW_PASSWORD_REQUIRED."""
        passwords.check(pool, password)
        days = float(passwords.policy_of(pool).get("TemporaryPasswordValidityDays", 7))
        until = None if permanent else self._clock.now() + days * DAY
        status = CONFIRMED if permanent else FORCE_CHANGE
        return await self._users.update(
            user, status=status, temporary_until=until, **self._kept(pool, user.name, password)
        )

    async def admin_reset(self, request: Members) -> Members:
        """The password is good no more: the user must choose another by code."""
        pool, user = await self._named(request)
        channel = check_channel(self._codes.channel(pool, user, purpose="reset"))
        user = await self._users.update(user, status=RESET_REQUIRED)
        await self._sign_ins.revoke_all(user)
        await self._code(pool, None, user, "reset", channel)
        return {}

    # --- attributes

    async def update_attributes(
        self, pool: Pool, user: User, given: dict[str, str], *, client: Client | None
    ) -> list[Members]:
        """Change attributes; by the user themselves (`client`) what changes is to be verified again."""
        attributes.check(pool, given, old=user.attributes)
        if client is not None:
            attributes.check_writable(client, given)
            if any(name in attributes.BOOLEANS for name in given):
                raise NotAuthorized("A client attempted to write unauthorized attribute")

        def change(snapshot: Snapshot, old: User) -> User:
            found = old.attributes | given
            for name in attributes.ALIASES:
                if name in given and given[name] != old.attributes.get(name) and f"{name}_verified" not in given:
                    found[f"{name}_verified"] = "false"
            changed = msgspec.structs.replace(old, attributes={k: v for k, v in found.items() if v != ""})
            for name in attributes.ALIASES:
                if found.get(f"{name}_verified") == "true":
                    self._check_alias(snapshot, pool, changed, name, force=False)
            return changed

        user = await self._users.change(user, change)
        auto = pool.config.get("AutoVerifiedAttributes") or ()
        wanted = [name for name in given if client is not None and name in auto]
        return [
            await self._code(pool, client, user, f"verify:{name}", name)
            for name in wanted
            if user.attributes.get(f"{name}_verified") == "false"
        ]

    async def delete_attributes(self, pool: Pool, user: User, names: list[str], *, client: Client | None) -> Members:
        """Take attributes away."""
        if client is not None:
            attributes.check_writable(client, names)
        required = [row["Name"] for row in pool.config["SchemaAttributes"] if row["Required"]]
        if any(name in required or name in attributes.READ_ONLY for name in names):
            raise ParameterInvalid("A required attribute cannot be deleted.")
        gone = set(names) | {f"{name}_verified" for name in names}
        kept = {name: value for name, value in user.attributes.items() if name not in gone}
        await self._users.update(user, attributes=kept)
        return {}

    async def send_verification(self, pool: Pool, user: User, name: str, *, client: Client) -> Members:
        """A code that verifies an attribute."""
        if name not in attributes.ALIASES or not user.attributes.get(name):
            raise ParameterInvalid(f"User has no attribute {name} that can be verified.")
        return {"CodeDeliveryDetails": await self._code(pool, client, user, f"verify:{name}", name)}

    async def verify_attribute(self, pool: Pool, user: User, name: str, code: str) -> Members:
        """An attribute verified by its code."""
        self._codes.check(user, f"verify:{name}", code)

        def verify(snapshot: Snapshot, old: User) -> User:
            self._check_alias(snapshot, pool, old, name, force=False)
            return without_code(old, f"verify:{name}", attributes=old.attributes | {f"{name}_verified": "true"})

        await self._users.change(user, verify)
        return {}

    # --- administration

    async def admin_create(self, request: Members) -> User:
        """A user made by an administrator, with a temporary password and an invitation."""
        pool = self._catalog.pool(request["UserPoolId"])
        action = request.get("MessageAction")
        if action == "RESEND":
            user = await self._users.user(pool, request["Username"])
            if user.status != FORCE_CHANGE:
                raise ParameterInvalid("Resend not possible. User status is not FORCE_CHANGE_PASSWORD.")
        else:
            user = self._new(pool, request["Username"], attributes.from_list(request.get("UserAttributes")))
            user = await self._approved(pool, None, user, request, source="AdminCreateUser")
            user = msgspec.structs.replace(user, status=FORCE_CHANGE)
            user = await self._users.add(pool, user, lambda snapshot: _check_free(snapshot, pool, user))
        password = request.get("TemporaryPassword") or passwords.temporary(pool, self._ids)
        user = await self.set_password(pool, user, password, permanent=False)
        channel = next((name for name in attributes.ALIASES if user.attributes.get(name)), None)
        if action != "SUPPRESS" and channel is not None:
            await self._codes.send(pool, user, None, purpose="invite", secret=password, attribute=channel)
        return user

    async def migrate(
        self, pool: Pool, client: Client, name: str, password: str | None, metadata: Mapping[str, str]
    ) -> User | None:
        """The user as the pool's UserMigration function knows them, taken in; None when there is no such function.

        Without a password it is one who forgot it, and chooses another by code.
        """
        found = await self._triggers.fire(
            pool,
            "UserMigration",
            "ForgotPassword" if password is None else "Authentication",
            user=None,
            client=client,
            userName=name,
            **({} if password is None else {"password": password}),
            validationData=dict(metadata),
            clientMetadata=dict(metadata),
        )
        if found is None or not isinstance(found.get("userAttributes"), dict):
            return None
        given = {key: str(value) for key, value in found["userAttributes"].items() if key not in ("username", "sub")}
        user = self._new(pool, name, given)
        if password is None:
            user = msgspec.structs.replace(user, status=RESET_REQUIRED)
        else:
            status = found.get("finalUserStatus") or CONFIRMED
            user = msgspec.structs.replace(user, status=status, **self._kept(pool, user.name, password))
        return await self._users.add(pool, user, lambda snapshot: _check_free(snapshot, pool, user))

    # --- parts

    def _asked(self, request: Members) -> tuple[Client, Pool]:
        """The client and pool of an unsigned request. Raises when the secret hash is wrong."""
        client = self._catalog.client(request["ClientId"])
        self._catalog.check_secret_hash(client, request.get("Username", ""), request.get("SecretHash"))
        return client, self._catalog.pool(client.pool)

    async def _named(self, request: Members) -> tuple[Pool, User]:
        pool = self._catalog.pool(request["UserPoolId"])
        return pool, await self._users.user(pool, request["Username"])

    async def _known(self, pool: Pool, client: Client, name: str, *, unknown: type[Exception]) -> User:
        user = await self._users.find(pool, name)
        if user is None:
            raise unknown() if client.discreet else NoSuchUser("Username/client id combination not found.")
        return user

    def _new(self, pool: Pool, name: str, given: dict[str, str]) -> User:
        """A user who is not kept yet."""
        if any(character.isspace() for character in name):
            raise ParameterInvalid("Username should not contain whitespace.")
        attributes.check(pool, given)
        by = pool.config.get("UsernameAttributes") or ()
        sub = self._ids.uuid()
        if by:
            kind = "phone_number" if name.startswith("+") and "phone_number" in by else by[0]
            if kind == "email" and "@" not in name:
                raise ParameterInvalid("Username should be an email.")
            given, name = {kind: name, **given}, sub
            attributes.check(pool, given)
        elif "@" in name and "email" in (pool.config.get("AliasAttributes") or ()):
            raise ParameterInvalid("Username cannot be of email format, since user pool is configured for email alias.")
        now = self._clock.now()
        return User(pool.id, pool.fold(name), name, sub, given, UNCONFIRMED, now, now)

    async def _approved(self, pool: Pool, client: Client | None, user: User, request: Members, *, source: str) -> User:
        """The user as a PreSignUp function lets them in."""
        found = await self._triggers.fire(
            pool,
            "PreSignUp",
            source,
            user=user,
            client=client,
            userAttributes=dict(user.attributes),
            validationData=attributes.from_list(request.get("ValidationData")),
            clientMetadata=request.get("ClientMetadata") or {},
        )
        if not found:
            return user
        kept = dict(user.attributes)
        for name, member in (("email", "autoVerifyEmail"), ("phone_number", "autoVerifyPhone")):
            if found.get(member) is True and name in kept:
                kept[f"{name}_verified"] = "true"
        status = CONFIRMED if found.get("autoConfirmUser") is True else user.status
        return msgspec.structs.replace(user, attributes=kept, status=status)

    async def _confirmed(self, pool: Pool, client: Client | None, user: User, source: str, request: Members) -> None:
        await self._triggers.fire(
            pool,
            "PostConfirmation",
            source,
            user=user,
            client=client,
            userAttributes=attributes_event(user),
            clientMetadata=request.get("ClientMetadata") or {},
        )

    async def _code(
        self, pool: Pool, client: Client | None, user: User, purpose: str, channel: str, *, source: str = ""
    ) -> Members:
        code, kept = self._codes.new(user, purpose, channel)
        user = await self._users.change(user, lambda _, old: with_code(old, purpose, kept))
        return await self._codes.send(
            pool, user, client, purpose=purpose, secret=code, attribute=channel, source=source
        )

    def _kept(self, pool: Pool, name: str, password: str) -> Members:
        return passwords.kept(pool, name, password, ids=self._ids, vault=self._vault)

    def _check_enabled(self, user: User) -> None:
        if not user.enabled:
            raise NotAuthorized("User is disabled.")

    @staticmethod
    def _check_alias(snapshot: Snapshot, pool: Pool, user: User, name: str, *, force: bool) -> None:
        """An alias is one user's: raise when another has it verified."""
        names = (*(pool.config.get("AliasAttributes") or ()), *(pool.config.get("UsernameAttributes") or ()))
        if name not in names or force:
            return
        other = directory.holder(snapshot, pool, name, user.attributes.get(name, ""))
        if other is not None and other.key != user.key:
            raise AliasTaken(attribute=name)


def _check_free(snapshot: Snapshot, pool: Pool, user: User) -> None:
    """Raise when the name, or the address that is one, is taken."""
    if directory.find(snapshot, pool, user.name) is not None:
        raise NameTaken
    for name in pool.config.get("UsernameAttributes") or ():
        if user.attributes.get(name) and directory.find(snapshot, pool, user.attributes[name]) is not None:
            raise NameTaken(f"An account with the given {name} already exists.")
