"""An endpoint as a row: what one call takes, answers and does."""

from __future__ import annotations

import enum
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.checks import period_in_order
from ipc_bridge.catalog.fields import Field, InRecord, TooLargeError, read_members
from ipc_bridge.catalog.windows import Window
from ipc_bridge.errors import FileTooLargeError, ParameterError, ReplyError
from ipc_bridge.models import Model

REDACTED = "<redacted>"
MAX_PARTS = 366
"""Calls for one period: a year of hours, a day at a time."""
_MAX_SHOWN = 40

Check = Callable[[Mapping[str, Any]], None]
"""Looks at several parameters together; raises ``voluptuous.Invalid`` with a sentence that names them."""


class Auth(enum.Enum):
    """What a call is signed with."""

    ACCOUNT = "account"
    ACTIVATION_CODE = "activation_code"
    NONE = "none"
    """Nothing, and it has no public parameters: for a camera that is not activated."""


class Effect(enum.Enum):
    """What a call does."""

    READ = "read"
    """It tells something, and may be repeated."""
    WRITE = "write"
    """It changes what the camera keeps."""
    ACTION = "action"
    """It has the camera do something."""
    DANGER = "danger"
    """Data is lost, or the camera may be out of reach for good: only where the configuration allows it."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Endpoint:
    """One call, POST ``/openapi/<path>``.

    Args:
        path: group and action.
        effect: what it does.
        title: the same in a few words.
        params: the parameters that it must have; see ``fields`` for all.
        optional: those that it may have.
        reply: the members of ``data`` in its answer.
        codes: error codes of its own; any call may answer any other as well.
        models: the models that have it; none for all.
        auth: what it is signed with.
        multipart: whether it is sent as ``multipart/form-data``.
        disruptive: whether the camera is gone for a while.
        experimental: whether the vendor calls it unfinished.
        defaults: parameters that it gets unless they are given.
        window: how long a period it can be asked for.
        checks: what parameters must be together.
    """

    path: str
    effect: Effect
    title: str
    params: Mapping[str, Field] = field(default_factory=dict)
    optional: Mapping[str, Field] = field(default_factory=dict, kw_only=True)
    reply: Mapping[str, Field] = field(default_factory=dict, kw_only=True)
    codes: tuple[int, ...] = field(default=(), kw_only=True)
    models: tuple[Model, ...] = field(default=(), kw_only=True)
    auth: Auth = field(default=Auth.ACCOUNT, kw_only=True)
    multipart: bool = field(default=False, kw_only=True)
    disruptive: bool = field(default=False, kw_only=True)
    experimental: bool = field(default=False, kw_only=True)
    defaults: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    window: Window | None = field(default=None, kw_only=True)
    checks: tuple[Check, ...] = field(default=(), kw_only=True)

    def __repr__(self) -> str:
        return f"<{self.path}>"

    @property
    def group(self) -> str:
        """The first half of the path."""
        return self.path.partition("/")[0]

    @property
    def fields(self) -> dict[str, Field]:
        """All parameters by name."""
        return {**self.params, **self.optional}

    @property
    def told(self) -> dict[str, Field]:
        """The members of its reply that stand in the answer itself, and not only in a record of another one."""
        return {name: member for name, member in self.reply.items() if not isinstance(member, InRecord)}

    @property
    def sample(self) -> dict[str, Any]:
        """Parameters of a call that is fit: those that it must have, and the optional ones that have an example."""
        optional = {name: option for name, option in self.optional.items() if option.example is not None}
        return {name: param.sample for name, param in {**self.params, **optional}.items()}

    def supports(self, model: Model) -> bool:
        """Whether ``model`` has this call, as far as the documents say."""
        return not self.models or model is Model.UNKNOWN or model in self.models

    def check(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is sent for ``params``, which are in the vendor's form: attributes become parameters, too.

        Raises:
            ParameterError: one is missing, unknown or unfit, or they do not go together.
            FileTooLargeError: a file is over the camera's limit.
        """
        return self._check(params, () if self.window is None else (self.window.check,))

    def plan(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what is sent for ``params``, call by call: more than one for a period that one call does not tell of.

        Raises:
            ParameterError: see :meth:`check`; or there would be too many calls, or answers that cannot become one.
        """
        window = self.window
        if window is None or window.merge is None:
            return [self.check(params)]
        values = self._check(params, (period_in_order,))
        parts = list(itertools.islice(window.split(values), MAX_PARTS + 1)) if window.is_exceeded(values) else [values]
        if len(parts) > MAX_PARTS:
            raise ParameterError(f"{self.path} would take more than {MAX_PARTS} calls of {window} each: ask for less")
        return parts

    def _check(self, params: Mapping[str, Any], more_checks: Iterable[Check]) -> dict[str, Any]:
        fields, params = self.fields, {**self.defaults, **params}
        takes = f"{self.path} takes {', '.join(fields) or 'no parameters'}"
        # One is enough: there may be thousands.
        unknown = [name for name in params if name not in fields][:1]
        problems = [vol.Invalid(f"{takes}, not {show(name)}") for name in unknown]
        for name, missing in self.params.items():
            if name not in params:
                problems.append(vol.Invalid(f"{self.path} needs {name}: {missing.expected}"))
        values = {name: _judge(name, fields[name], params[name], problems) for name in fields if name in params}
        for check in (*self.checks, *more_checks) if not problems else ():
            try:
                check(values)
            except vol.Invalid as error:
                problems.append(error)
        if problems:
            too_large = any(isinstance(problem, TooLargeError) for problem in problems)
            raise (FileTooLargeError if too_large else ParameterError)("; ".join(problem.msg for problem in problems))
        attributes = values.pop("attributes", {})
        if twice := attributes.keys() & values.keys():
            raise ParameterError(f"{', '.join(sorted(twice))} stands in attributes and beside them: give it once")
        return {**values, **attributes}

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer's ``data`` with every documented member under its name; see :func:`read_members`.

        Raises:
            ReplyError: a member is of a wrong type.
        """
        try:
            return read_members(self.reply, data)
        except vol.Invalid as error:
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
            raise ReplyError(f"{self.path} answered, but data{where} is not {error.msg}") from error

    def redact(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer's ``data`` as it came, but for what is secret."""
        secrets = {name for name, member in {**self.fields, **self.reply}.items() if member.secret}
        return {name: REDACTED if name in secrets else value for name, value in data.items()}


def _judge(name: str, field: Field, value: Any, problems: list[vol.Invalid]) -> Any:
    try:
        return field(value)
    except vol.Invalid as error:
        problems.append(type(error)(f"{name} may be {error.msg}" + ("" if field.secret else f", not {show(value)}")))


def show(value: Any) -> str:
    """The beginning of ``value`` for a message."""
    text = json.dumps(value, default=lambda part: f"<{type(part).__name__}>")
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
