"""An endpoint as a row: what one call takes, answers and does."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.fields import Field, Text, TooLargeError, read_members
from ipc_bridge.errors import FileTooLargeError, ParameterError, ReplyError
from ipc_bridge.models import Model

MAX_ATTRIBUTES = 5
REDACTED = "<redacted>"
_MAX_SHOWN = 40

RESERVED_NAMES = (
    "group_name",
    *("pic", "age", "gender", "faceid", "age_range", "arrive_times", "pic_url", "total_num", "return_num"),
)
"""What no attribute of a group may be called."""
ATTRIBUTE_NAME = Text(50, reserved=RESERVED_NAMES, example="hobby")
ATTRIBUTE_VALUE = Text(50)
_PUBLIC_NAMES = frozenset({"app_id", "timestamp", "random", "sign"})

Check = Callable[[Mapping[str, Any]], None]
"""Looks at several parameters together; raises ``voluptuous.Invalid`` with a sentence that names them."""


class Auth(enum.Enum):
    """What a call is signed with."""

    ACCOUNT = "account"
    ACTIVATION_CODE = "activation_code"
    NONE = "none"
    """Nothing, and no public parameters: for a camera that is not activated yet."""


class Effect(enum.Enum):
    """What a call does."""

    READ = "read"
    """It tells something, and may be repeated."""
    WRITE = "write"
    """It changes what the camera keeps."""
    ACTION = "action"
    """It makes the camera do something once."""
    DANGER = "danger"
    """Data is lost, or the camera may be out of reach for good: only where the configuration allows it."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One call, POST ``/openapi/<path>``.

    Args:
        path: group and action.
        title: what it does, in a few words.
        params: the parameters that it must have; see ``fields`` for all.
        optional: those that it may have.
        reply: the members of ``data`` in its answer.
        codes: error codes of its own; any call may answer any other as well.
        effect: what it does.
        models: the models that have it; none for all.
        auth: what it is signed with.
        multipart: whether it is sent as ``multipart/form-data``.
        disruptive: whether the camera goes away for a while.
        attributes: whether it takes the attributes of a group under their own names.
        checks: what several parameters must be together.
    """

    path: str
    title: str
    params: Mapping[str, Field] = field(default_factory=dict)
    optional: Mapping[str, Field] = field(default_factory=dict, kw_only=True)
    reply: Mapping[str, Field] = field(default_factory=dict, kw_only=True)
    codes: tuple[int, ...] = field(default=(), kw_only=True)
    effect: Effect = field(default=Effect.READ, kw_only=True)
    models: tuple[Model, ...] = field(default=(), kw_only=True)
    auth: Auth = field(default=Auth.ACCOUNT, kw_only=True)
    multipart: bool = field(default=False, kw_only=True)
    disruptive: bool = field(default=False, kw_only=True)
    attributes: bool = field(default=False, kw_only=True)
    checks: tuple[Check, ...] = field(default=(), kw_only=True)

    @property
    def group(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]

    @property
    def action(self) -> str:
        """The second part of the path."""
        return self.path.partition("/")[2]

    @property
    def fields(self) -> dict[str, Field]:
        """All parameters by name."""
        return {**self.params, **self.optional}

    @property
    def sample(self) -> dict[str, Any]:
        """Parameters of a call that is fit: what it must have, and what may be shown beside."""
        shown = {name: option for name, option in self.optional.items() if option.example is not None}
        return {name: param.sample for name, param in {**self.params, **shown}.items()}

    def supports(self, model: Model) -> bool:
        """Whether ``model`` has this call, as far as the documents say."""
        return not self.models or model is Model.UNKNOWN or model in self.models

    def check(self, params: Mapping[str, Any], attributes: Any = None) -> dict[str, Any]:
        """Return what is sent: ``params``, which are in the vendor's form, with ``attributes`` beside them.

        Raises:
            ParameterError: one is missing, unknown or unfit, or several do not go together.
        """
        fields = self.fields
        problems = [
            vol.Invalid(f"{self.path} takes {self._takes()}, not {_show(name)}")
            for name in params.keys() - fields.keys()
        ]
        problems += [
            vol.Invalid(f"{self.path} needs {name}: {field.expected}")
            for name, field in self.params.items()
            if name not in params
        ]
        values = {}
        for name in fields.keys() & params.keys():
            values[name] = _judge(name, fields[name], params[name], problems)
        if attributes is not None:
            values |= self._check_attributes(attributes, params, problems)
        try:
            for check in self.checks if not problems else ():
                check(values)
        except vol.Invalid as error:
            problems.append(error)
        if problems:
            kind = (
                FileTooLargeError if any(isinstance(problem, TooLargeError) for problem in problems) else ParameterError
            )
            raise kind("; ".join(problem.msg for problem in problems))
        return values

    def _check_attributes(
        self, attributes: Any, params: Mapping[str, Any], problems: list[vol.Invalid]
    ) -> Mapping[str, Any]:
        if not self.attributes:
            problems.append(vol.Invalid(f"{self.path} takes {self._takes()}, not attributes"))
        elif not isinstance(attributes, Mapping) or len(attributes) > MAX_ATTRIBUTES:
            expected = f"an object with at most {MAX_ATTRIBUTES} members"
            problems.append(vol.Invalid(f"attributes may be {expected}, not {_show(attributes)}"))
        else:
            taken = _PUBLIC_NAMES | params.keys() | (self.fields.keys() - ITEMS.keys())
            for name, value in attributes.items():
                _judge("an attribute's name", ATTRIBUTE_NAME, name, problems)
                _judge(f"attributes.{name}", ATTRIBUTE_VALUE, value, problems)
                if name in taken:
                    problems.append(vol.Invalid(f"attributes may not have {_show(name)}, which is a parameter"))
            return attributes
        return {}

    def _takes(self) -> str:
        return ", ".join(self.fields) or "no parameters"

    def read(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer's ``data`` with every documented member under its name, None where it is missing.

        Raises:
            ReplyError: a member is of a wrong type.
        """
        try:
            return read_members(self.reply, data)
        except vol.Invalid as error:
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
            raise ReplyError(f"{self.path} answered with data{where} that is not {error.msg}") from error

    def redact(self, data: Any) -> Any:
        """Return an answer's ``data`` as it came, but for what is secret."""
        if not isinstance(data, dict):
            return data
        secrets = {name for name, member in self.reply.items() if member.secret}
        return {name: REDACTED if name in secrets else value for name, value in data.items()}


ITEMS: dict[str, Field] = {f"item{position}": ATTRIBUTE_VALUE for position in range(1, MAX_ATTRIBUTES + 1)}
"""A group's attributes by position."""


def _judge(name: str, field: Field, value: Any, problems: list[vol.Invalid]) -> Any:
    try:
        return field(value)
    except vol.Invalid as error:
        message = f"{name} may be {error.msg}" + ("" if field.secret else f", not {_show(value)}")
        problems.append(type(error)(message))


def _show(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
