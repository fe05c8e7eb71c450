"""Every error that this program raises on purpose.

::

    BridgeError
    ├── ConfigError             the configuration cannot be used (exit status 2)
    ├── StorageError            the state directory cannot be used
    │   └── JournalDamagedError the journal's file is not what was written
    ├── WireError               what a camera sent breaks its protocol
    │   ├── FrameError          flag, version, type, length or CRC is impossible
    │   ├── SequenceError       a whole packet, but out of turn
    │   ├── PayloadError        a whole packet in turn, with a payload that cannot be used
    │   └── SilenceError        an answer that is due did not come
    ├── EventError              an event that cannot be used: acknowledged, counted, logged
    ├── DeviceError             a camera, or the cloud, cannot be talked to
    │   ├── UnreachableError    no connection, or it broke
    │   │   └── NoAnswerError   there is one, but no answer in time
    │   ├── CertificateError    the certificate is not the one that was pinned, or not from the CA
    │   ├── RefusedError        it answered with a code of its own
    │   │   └── CredentialsError it does not take the account
    │   └── ReplyError          it answered what its API cannot mean
    │       └── RejectedFileError a file that it points to is not taken: elsewhere, too large, not what it should be
    ├── ParameterError          a call that the catalogue refuses, before anything is sent
    │   └── FileTooLargeError   its file is over the camera's limit
    ├── ClientCertificateError  the .p12 file or its password is wrong
    ├── CommandError            what somebody asked of the bridge is not carried out
    ├── HookRefusedError        a post to a hook is not taken
    ├── PluginError             a plugin does not do its work
    │   ├── PluginRefusedError  it cannot be loaded: its file, its hooks or its settings are wrong
    │   ├── PluginFailedError   its code raised, or returned what it must not
    │   ├── PluginOverdueError  it did not come back in time
    │   ├── NotNowError         it asks for the same event again, later
    │   └── PluginGoneError     its thread or process has ended
    └── BrokerError             the MQTT broker cannot be used
        ├── BrokerRefusedError  it refuses this client
        └── BrokerLostError     the connection broke

A message says what happened, where, and what to do about it.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Base of all errors below; catching it never hides a bug of ours."""


class ConfigError(BridgeError):
    """The configuration cannot be used.

    ``problems`` holds one line each, ready to print: ``FILE:LINE: key.path: what and what instead``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StorageError(BridgeError):
    """The state directory cannot be read or written."""


class JournalDamagedError(StorageError):
    """The journal's file is not what was written: it is moved aside and begun again."""


class WireError(BridgeError):
    """What a camera sent breaks its protocol."""


class FrameError(WireError):
    """The bytes cannot be a frame: flag, version, type, length or CRC."""


class SequenceError(WireError):
    """A whole packet that has no business at this point of the session."""


class PayloadError(WireError):
    """A whole packet whose payload cannot be used."""


class SilenceError(WireError):
    """An answer that is due did not come."""


class EventError(BridgeError):
    """An event that cannot be used. It is acknowledged, counted and logged, never published."""


class DeviceError(BridgeError):
    """A camera, or the cloud, cannot be talked to."""


class UnreachableError(DeviceError):
    """There is no connection, or it broke."""


class NoAnswerError(UnreachableError):
    """There was no answer in time."""


class CertificateError(DeviceError):
    """The certificate that is shown is not to be trusted.

    ``fingerprint`` is the SHA-256 of what it showed, lower-case hex, where it could be read.
    """

    def __init__(self, message: str, fingerprint: str | None = None) -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


class RefusedError(DeviceError):
    """The answer is an error code (``catalog.codes`` explains them).

    ``name`` is the vendor's for the code; None for one that it does not document.
    """

    def __init__(self, message: str, code: int, name: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


class CredentialsError(RefusedError):
    """The account is not accepted, or a clock is so wrong that it looks like that: a person has to see to it."""


class ReplyError(DeviceError):
    """The answer is what the API cannot mean."""


class RejectedFileError(ReplyError):
    """A file that a camera points to is not taken: it is on another host, too large, or not what it should be."""


class ParameterError(BridgeError):
    """A call's parameters or a setting's value cannot be sent: missing, unknown, unfit, or in conflict."""


class FileTooLargeError(ParameterError):
    """A file is over the camera's limit."""


class ClientCertificateError(BridgeError):
    """The client certificate (.p12) or its password cannot be used."""


class CommandError(BridgeError):
    """What somebody asked of the bridge, over MQTT or in a plugin, is not carried out.

    ``kind`` is the contract's word for the reason; ``code`` and ``name`` are the camera's, where it refused.
    """

    def __init__(self, kind: str, message: str, code: int | None = None, name: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.name = name


class HookRefusedError(BridgeError):
    """A post to a hook is not taken.

    ``kind`` is what it is counted as, ``status`` the HTTP status of the answer.
    """

    def __init__(self, message: str, kind: str, status: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class PluginError(BridgeError):
    """A plugin does not do its work."""


class PluginRefusedError(PluginError):
    """A plugin cannot be loaded.

    ``problems`` are key paths below the plugin's settings, empty for the plugin as a whole, each with a sentence.
    """

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(text for _path, text in problems))
        self.problems = problems


class PluginFailedError(PluginError):
    """A plugin's code raised, or returned what it must not."""


class PluginOverdueError(PluginError):
    """A plugin did not come back in time."""


class NotNowError(PluginError):
    """Raised by a plugin: it cannot do anything with an event now, and is given it again after a pause."""


class PluginGoneError(PluginError):
    """A plugin's thread or process has ended."""


class BrokerError(BridgeError):
    """The MQTT broker cannot be used."""


class BrokerRefusedError(BrokerError):
    """The broker refuses this client, or each the other's certificate.

    ``protocol`` is true where it may be the MQTT version that it does not speak; ``login`` where a
    person has to change something before another try is of use.
    """

    def __init__(self, message: str, *, protocol: bool = False, login: bool = False) -> None:
        super().__init__(message)
        self.protocol = protocol
        self.login = login


class BrokerLostError(BrokerError):
    """The connection to the broker broke."""
