"""The Lambda operations on concurrency, the account's limits, and what is the same for every function here."""

from __future__ import annotations

from syncline.functions.base import Group, Shape
from syncline.functions.code import UNPACKED_BYTES_MAX, ZIP_BYTES_MAX
from syncline.functions.errors import FunctionOnly, NotBuilt, ParameterInvalid
from syncline.functions.model import LATEST
from syncline.functions.names import parse_reference

UNRESERVED_MIN = 100
ACCOUNT_CONCURRENCY = 1000
ACCOUNT_CODE_BYTES = 80_530_636_800


class AccountOperations(Group):
    """Concurrency and the account."""

    async def get_account_settings(self, request: Shape) -> Shape:
        functions = self._catalog.all()
        versions = [version for function in functions for version in self._catalog.versions(function.name)]
        reserved = sum(function.reserved or 0 for function in functions)
        return {
            "AccountLimit": {
                "TotalCodeSize": ACCOUNT_CODE_BYTES,
                "CodeSizeUnzipped": UNPACKED_BYTES_MAX,
                "CodeSizeZipped": ZIP_BYTES_MAX,
                "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(one.code_size for one in [*functions, *versions]),
                "FunctionCount": len(functions),
            },
        }

    async def get_function_code_signing_config(self, request: Shape) -> Shape:
        return {"FunctionName": self._latest(request).name, "CodeSigningConfigArn": ""}

    async def get_function_concurrency(self, request: Shape) -> Shape:
        reserved = self._latest(request).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def put_function_concurrency(self, request: Shape) -> Shape:
        function = self._latest(request, names=LATEST)
        if parse_reference(request["FunctionName"], self._catalog.region).qualifier:
            raise FunctionOnly()
        reserved = request["ReservedConcurrentExecutions"]
        others = sum(one.reserved or 0 for one in self._catalog.all() if one.name != function.name)
        if ACCOUNT_CONCURRENCY - others - reserved < UNRESERVED_MIN:
            raise ParameterInvalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
            )
        await self._catalog.change(function.name, {"reserved": reserved})
        return {"ReservedConcurrentExecutions": reserved}

    async def delete_function_concurrency(self, request: Shape) -> Shape:
        await self._catalog.change(self._latest(request).name, {"reserved": None})
        return {}

    async def get_function_recursion_config(self, request: Shape) -> Shape:
        self._latest(request)
        return {"RecursiveLoop": "Terminate"}

    async def put_function_recursion_config(self, request: Shape) -> Shape:
        self._latest(request)
        if request["RecursiveLoop"] != "Terminate":
            raise NotBuilt(what="RecursiveLoop Allow")
        return {"RecursiveLoop": "Terminate"}

    async def get_runtime_management_config(self, request: Shape) -> Shape:
        function, qualifier = self._find(request)
        return {"UpdateRuntimeOn": "Auto", "FunctionArn": self._catalog.arn(function.name, qualifier)}
