"""Python code of resolvers: modules of the project's folder, and source given inline. Both are trusted: they run in
the server's process, with all that it may do.

For: `python`. Owns: what is imported and when it is imported again. Never: runs a handler.
"""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ClassVar

import msgspec

from syncline.core import Clock, Invalid, Unsupported
from syncline.core.settings import Resolvers

LOOK_SECONDS = 0.2
"""How often, at most, files are looked at; and how long a module that does not import is not tried again."""
KEPT_MAX = 1000
INLINE = "code.py"
"""What inline source is called in places."""
NAMED = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::([A-Za-z_]\w*))?\s*")
OURS = ("syncline.resolvers", "importlib")
"""Packages whose frames a trace begins with, whatever it is about."""
Stamps = dict[Path, tuple[int, ...]]
Log = Callable[..., None]


class PythonOff(Unsupported):
    """{what} not supported unless the setting {setting} says so; the code runs in the server and is trusted."""


class PythonRefused(Invalid):
    """The Python code cannot be used: {reason}"""

    code = "BadRequestException"


class Functions(msgspec.Struct, frozen=True):
    """What some code offers: `resolve`, or `request` and `response`."""

    request: Callable[..., Any] | None
    response: Callable[..., Any] | None
    resolve: Callable[..., Any] | None


class Project:
    """The code of one server's resolvers. `reloads`: files are followed, and imported again when they change."""

    active: ClassVar[Project | None] = None
    """Whose modules are in `sys.modules`: one process has one list of them."""

    def __init__(self, settings: Resolvers, clock: Clock, log: Log, *, reloads: bool = False) -> None:
        self.inline = settings.python_inline
        self.seconds_max = settings.python_seconds_max
        self.folder = Path(settings.python_path).resolve() if settings.python_path else None
        self._clock, self._log, self._reloads = clock, log, reloads
        self._found: dict[str, Functions] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._modules: dict[str, ModuleType] = {}
        self._named: set[str] = set()
        self._stamps: Stamps = {}
        self._look_at = 0.0

    def functions(self, code: str) -> Functions:
        """What `code`, a module's name or inline source, offers now. Raises PythonOff, PythonRefused."""
        if self._reloads:
            self._follow()
        found = self._found.get(code)
        if found is None:
            if len(self._found) >= KEPT_MAX:
                self._found.clear()
            found = self._found[code] = self._read(code)
        return found

    def place_of(self, failure: BaseException) -> tuple[str, int]:
        """The file and line in the project's code that is nearest to where a failure arose; "" when none is."""
        if isinstance(failure, SyntaxError) and failure.filename and self._shown(failure.filename):
            return self._shown(failure.filename), failure.lineno or 0
        for frame in reversed(traceback.extract_tb(failure.__traceback__)):
            shown = self._shown(frame.filename)
            if shown:
                return shown, frame.lineno or 0
        return "", 0

    def _shown(self, filename: str) -> str:
        """A file's name within the folder; "" when it is not in it."""
        if filename == INLINE:
            return INLINE
        inside = self.folder is not None and Path(filename).is_relative_to(self.folder) and not foreign(filename)
        return Path(filename).relative_to(self.folder).as_posix() if inside and self.folder else ""

    def _read(self, code: str) -> Functions:
        named = NAMED.fullmatch(code)
        if named is None:
            if not self.inline:
                raise PythonOff(what="Inline Python code is", setting="resolvers.python_inline")
            return offered(self._executed(code), "")
        if self.folder is None:
            raise PythonOff(what="Python resolvers are", setting="resolvers.python_path")
        return offered(self._imported(named[1]), named[2] or "")

    def _executed(self, source: str) -> ModuleType:
        module = ModuleType("code")
        try:
            exec(compile(source, INLINE, "exec", dont_inherit=True), module.__dict__)
        except (Exception, SystemExit) as failure:
            raise self._refused("the source", failure) from failure
        return module

    def _imported(self, name: str) -> ModuleType:
        """The module. One that failed a moment ago is not tried again yet."""
        retry_at, reason = self._failed.get(name, (0.0, ""))
        if self._clock.monotonic() < retry_at:
            raise PythonRefused(reason=reason)
        self._enter()
        try:
            module = self._import(name)
        except PythonRefused as refusal:
            self._failed[name] = self._clock.monotonic() + LOOK_SECONDS, refusal.facts["reason"]
            raise
        self._failed.pop(name, None)
        self._named.add(name)
        return module

    def _import(self, name: str) -> ModuleType:
        path = self._path(name)
        if path is None:
            raise PythonRefused(reason=f"there is no module {name} in the folder of resolvers.python_path")
        before, writes = set(sys.modules), sys.dont_write_bytecode
        # Bytecode is dated in whole seconds: what is saved twice in one would not be seen.
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as failure:
            raise self._refused(f"the module {name}", failure) from failure
        finally:
            sys.dont_write_bytecode = writes
            fresh = {each: sys.modules[each] for each in set(sys.modules) - before}
            self._modules |= {each: found for each, found in fresh.items() if self._owns(each, found)}
            self._stamps = self._stamped()
        if Path(module.__file__ or "").resolve() != path:
            raise PythonRefused(reason=f"the name {name} is taken by {module.__file__ or 'a built-in module'}")
        return module

    def _path(self, name: str) -> Path | None:
        assert self.folder is not None, "modules have a folder"
        stem = self.folder.joinpath(*name.split("."))
        found = (stem / "__init__.py", stem.parent / f"{stem.name}.py")
        return next((each.resolve() for each in found if each.is_file()), None)

    def _owns(self, name: str, module: ModuleType) -> bool:
        return name.partition(".")[0] != "syncline" and bool(self._shown(getattr(module, "__file__", None) or ""))

    def _refused(self, what: str, failure: BaseException) -> PythonRefused:
        """The refusal of code that does not import; the log has the trace."""
        file, line = self.place_of(failure)
        if file and file != INLINE and self.folder is not None:
            self._stamps[self.folder / file] = ()  # To be followed: it is where the mistake will be mended.
        place = f"{file}:{line}: " if file else ""
        reason = f"{what} does not import: {place}{type(failure).__name__}: {failure}"
        self._log("python refused", reason=reason[:1000], trace=trace_of(failure))
        return PythonRefused(reason=reason[:1000])

    # --- one process, several projects

    def _enter(self) -> None:
        """Have this project's modules in `sys.modules`, and no other's."""
        last = Project.active
        if last is self:
            return
        if last is not None:
            last.leave()
        Project.active = self
        sys.path.append(str(self.folder))  # Last: the project's files do not hide the server's own modules.
        sys.modules.update(self._modules)

    def leave(self) -> None:
        """Take this project's modules out of `sys.modules`."""
        Project.active = None
        last = max(at for at, each in enumerate(sys.path) if each == str(self.folder))
        del sys.path[last]
        for name in self._modules:
            sys.modules.pop(name, None)

    # --- following files

    def _follow(self) -> None:
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        if self._stamps and self._stamped() != self._stamps:
            self._reload()

    def _reload(self) -> None:
        """Import all again; when that fails, go on with what there was."""
        self._enter()
        before, self._modules = self._modules, {}
        for name in before:
            sys.modules.pop(name, None)
        known = set(self._stamps)
        gone = {name for name in self._named if self._path(name) is None}
        try:
            for name in sorted(self._named - gone):
                self._import(name)
        except PythonRefused:
            for name in self._modules:
                sys.modules.pop(name, None)
            sys.modules.update(before)
            known |= set(self._stamps)
            self._modules = before
        else:
            self._named -= gone
            self._found.clear()
            self._failed.clear()
            self._log("python reloaded", modules=sorted(self._modules))
        self._stamps = self._stamped(known)

    def _stamped(self, also: set[Path] | None = None) -> Stamps:
        """When the modules' files, and what is in their folders, changed last."""
        files = {Path(each.__file__) for each in self._modules.values() if each.__file__}
        return {path: stamp(path) for path in files | {file.parent for file in files} | (also or set(self._stamps))}


def offered(module: ModuleType, function: str) -> Functions:
    """The functions of a module; `function` is what is named for `resolve`. Raises PythonRefused."""
    resolve = getattr(module, function or "resolve", None)
    request, response = getattr(module, "request", None), getattr(module, "response", None)
    if function and not callable(resolve):
        raise PythonRefused(reason=f"{module.__name__} has no function {function}")
    if callable(resolve):
        return Functions(None, None, resolve)
    if not callable(request) or not callable(response):
        raise PythonRefused(reason=f"{module.__name__} has neither resolve(ctx) nor request(ctx) and response(ctx)")
    return Functions(request, response, None)


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def foreign(filename: str) -> bool:
    """Whether a file is of an installed package."""
    return "site-packages" in Path(filename).parts


def trace_of(failure: BaseException) -> str:
    """The trace of a failure as Python prints it, without the server's own frames before the project's code."""
    first: TracebackType | None = failure.__traceback__
    while first is not None and first.tb_next is not None and first.tb_frame.f_globals.get("__package__") in OURS:
        first = first.tb_next
    return writable("".join(traceback.format_exception(type(failure), failure, first)))[-8000:]


def writable(text: str) -> str:
    """The text with half of a surrogate pair, which no log can hold, as its escape."""
    return text.encode(errors="backslashreplace").decode()
