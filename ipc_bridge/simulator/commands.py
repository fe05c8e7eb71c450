"""What a person can have a simulated camera do: a table of commands."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

import orjson

from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.simulator.camera import SimulatedCamera
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.faults import Refusable
from ipc_bridge.simulator.statistics import Flow

MAX_FLOOD = 50_000
"""More at once would pass a channel's backlog, and the client be dropped for it."""


class UsageError(Exception):
    """A command that cannot be carried out as it stands; the message says why."""


Result = dict[str, Any] | None
_T = TypeVar("_T")
_Run = Callable[[SimulatedCamera, Sequence[str]], Result | Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Command:
    """One row: what may follow the serial number, what it does, and how."""

    name: str
    usage: str
    help: str
    run: _Run
    least: int = 0
    """How many words must follow the serial number."""
    most: int = 0
    """How many may."""


_ANY = 1000
_MAX_SHOWN = 100
"""Faces in one answer."""


def _face(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    return {"event_id": camera.emit_face(**_overrides(words))}


def _stranger(camera: SimulatedCamera, _words: Sequence[str]) -> Result:
    return {"event_id": camera.emit_stranger()}


def _motion(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    return {"event_id": camera.emit_motion(**_overrides(words))}


def _human(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    return {"event_id": camera.emit_human(**_overrides(words))}


def _raw(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.raw(" ".join(words).encode())


def _flood(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.flood(_integer(words[0], MAX_FLOOD))


def _drop(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.drop()


def _abort(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.abort()


def _rubbish(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.rubbish(_integer(words[0], 2**20) if words else 64)


def _silent(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.silence(_seconds(words[0]) if words else None)


def _speak(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.speak()


def _refuse(camera: SimulatedCamera, words: Sequence[str]) -> None:
    if words[0] not in get_args(Refusable):
        raise UsageError(f"{words[0]} cannot be refused, only {', '.join(get_args(Refusable))}")
    count = _integer(words[2]) if len(words) > 2 else 1
    camera.faults.refuse(cast(Refusable, words[0]), _integer(words[1]), count)


def _lack(camera: SimulatedCamera, words: Sequence[str]) -> None:
    if words[0] not in ENDPOINTS:
        raise UsageError(f"the API has no {words[0]}")
    camera.faults.lacking[words[0]] = _integer(words[1]) if len(words) > 1 else camera.settings.unsupported


def _reboot(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.in_background(camera.reboot(_seconds(words[0]) if words else camera.settings.reboot_seconds))


def _move(camera: SimulatedCamera, words: Sequence[str]) -> Coroutine[Any, Any, None]:
    return camera.move(words[0])


def _change_certificate(camera: SimulatedCamera, _words: Sequence[str]) -> Coroutine[Any, Any, None]:
    return camera.change_certificate()


def _people(camera: SimulatedCamera, words: Sequence[str]) -> None:
    flow = _one_of(words[0], {flow.value: flow for flow in Flow})
    camera.count_people(flow, _integer(words[1]) if len(words) > 1 else 1)


def _card(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.card = _one_of(words[0], {status.name.lower(): status for status in CardStatus})


def _groups(camera: SimulatedCamera, _words: Sequence[str]) -> Result:
    return {
        "groups": [
            {
                "name": group.name,
                "count": len(group.faces),
                "capacity": group.capacity,
                "description": group.description,
                "attributes": group.attributes,
            }
            for group in camera.library.groups.values()
        ],
        "times": camera.library.times,
        "period": camera.library.period,
    }


def _faces(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    library = camera.library
    faces = _one_of(words[0], library.groups).faces if words else library.faces
    return {
        "total": len(faces),
        "faces": [
            {
                "faceid": face.faceid,
                "group_name": face.group.name,
                "age": face.age,
                "age_range": face.age_range,
                "gender": face.gender,
                "arrivals": face.arrive_count,
                "attributes": face.attributes,
            }
            for face in itertools.islice(faces.values(), _MAX_SHOWN)
        ],
    }


def _calls(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    count = _integer(words[0]) if words else 10
    return {"calls": [str(call) for call in camera.calls[-count:]] if count else []}


def _controls(camera: SimulatedCamera, _words: Sequence[str]) -> Result:
    return {"controls": dataclasses.asdict(camera.controls), "hooks": dict(camera.hooks), "card": camera.card.name}


def _damage_crc(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.damage_crc = _integer(words[0]) if words else 1


def _split(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.split = _integer(words[0])


def _merge(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.merge = _integer(words[0])


def _delay(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.delay = _seconds(words[0])


def _cut(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.cut_downloads = _integer(words[0])


def _duplicate(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.duplicate = True


def _wrong_serial(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.wrong_serial = words[0]


def _hook_unsigned(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.hook_unsigned = True


def _hook_wrong_key(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.hook_wrong_key = True


def _hook_age(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.hook_age = _number(words[0])


def _hook_replay(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.hook_replay = True


def _posts(camera: SimulatedCamera, words: Sequence[str]) -> Result:
    count = _integer(words[0]) if words else 10
    return {"posts": [dataclasses.asdict(post) for post in camera.posted[-count:]] if count else []}


def _discovery_ip(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.discovery_ip = words[0]


def _no_discovery(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.faults.no_discovery = True


def _clock(camera: SimulatedCamera, words: Sequence[str]) -> None:
    camera.faults.clock_offset = _number(words[0])


def _clear(camera: SimulatedCamera, _words: Sequence[str]) -> None:
    camera.clear_faults()


def _status(camera: SimulatedCamera, _words: Sequence[str]) -> Result:
    return {
        **describe(camera),
        "running": camera.running,
        "activated": camera.activated,
        "clients": camera.clients,
        "subscribers": camera.subscribers,
        "sent": camera.sent_count,
        "acknowledged": camera.acknowledged_count,
        "unacknowledged": len(camera.unacknowledged),
        "calls": len(camera.calls),
    }


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("status", "", "what the camera is, has sent and got back", _status),
        Command("groups", "", "the groups of its face library", _groups),
        Command("faces", "[GROUP]", "the faces of its library, the first hundred", _faces, 0, 1),
        Command("controls", "", "what was set through its API, its hooks and its SD card", _controls),
        Command("calls", "[COUNT]", "the last API calls and what they got, newest last", _calls, 0, 1),
        Command("face", "[key=value...]", "recognise someone; faceid=ID who it is", _face, 0, _ANY),
        Command(
            "motion", "[key=value...]", "detect something; detect_type=1 motion, 2 sound, 3 both", _motion, 0, _ANY
        ),
        Command("human", "[key=value...]", "detect a person, which only hooks are told", _human, 0, _ANY),
        Command("stranger", "", "recognise someone who was never there before", _stranger),
        Command("people", "in|out|pass [COUNT]", "let people pass who are counted only", _people, 1, 2),
        Command("raw", "TEXT", "send TEXT as an event, whatever it is", _raw, 1, _ANY),
        Command("flood", "COUNT", "send that many events at once", _flood, 1, 1),
        Command("drop", "", "close the channel's connections", _drop),
        Command("abort", "", "reset the channel's connections in the middle of a frame", _abort),
        Command("rubbish", "[BYTES]", "send bytes that are no frame", _rubbish, 0, 1),
        Command("silent", "[SECONDS]", "read, but answer nothing, for that long or until speak", _silent, 0, 1),
        Command("speak", "", "end the silence", _speak),
        Command("refuse", "connect|subscribe|api CODE [COUNT]", "answer the next requests with CODE", _refuse, 2, 3),
        Command("lack", "GROUP/ACTION [CODE]", "refuse that call as if it did not have it, until clear", _lack, 1, 2),
        Command("card", "out|unformatted|working|unknown", "the state of its SD card", _card, 1, 1),
        Command("reboot", "[SECONDS]", "be away for that long; event ids begin again", _reboot, 0, 1),
        Command("move", "ADDRESS", "go to another address of this machine", _move, 1, 1),
        Command("change_certificate", "", "show a new certificate", _change_certificate),
        Command("damage_crc", "[COUNT]", "give the next frames a wrong CRC", _damage_crc, 0, 1),
        Command("split", "BYTES", "send in pieces of that size; 0 ends it", _split, 1, 1),
        Command("merge", "COUNT", "hold events back until there are that many; 0 ends it", _merge, 1, 1),
        Command("delay", "SECONDS", "answer that much later; 0 ends it", _delay, 1, 1),
        Command("cut", "BYTES", "break downloads off after that many; 0 ends it", _cut, 1, 1),
        Command("duplicate", "", "send each event twice", _duplicate),
        Command("wrong_serial", "SERIAL", "name another camera in the events", _wrong_serial, 1, 1),
        Command("posts", "[COUNT]", "the last posts to hooks and what they got, newest last", _posts, 0, 1),
        Command("hook_unsigned", "", "sign no posts", _hook_unsigned),
        Command("hook_wrong_key", "", "sign posts with another key", _hook_wrong_key),
        Command("hook_age", "SECONDS", "date posts back; 0 ends it", _hook_age, 1, 1),
        Command("hook_replay", "", "send each post a second time, word for word", _hook_replay),
        Command("discovery_ip", "ADDRESS", "claim another address in discovery", _discovery_ip, 1, 1),
        Command("no_discovery", "", "do not answer to discovery", _no_discovery),
        Command("clock", "SECONDS", "set the camera's clock ahead, or back where negative", _clock, 1, 1),
        Command("clear", "", "switch every fault off", _clear),
    )
}


def describe(camera: SimulatedCamera) -> dict[str, Any]:
    """Return what a client needs to find and to trust the camera."""
    return {
        "sn": camera.sn,
        "model": camera.settings.model,
        "name": camera.controls.name,
        "host": camera.host,
        "api_port": camera.api_port,
        "channel_port": camera.channel_port,
        "discovery_port": camera.settings.discovery_port,
        "mac": camera.settings.mac,
        "fingerprint": camera.fingerprint,
    }


def _overrides(words: Sequence[str]) -> dict[str, Any]:
    """``key=value`` words as a dict; a value that is JSON is taken as such, another as text."""
    overrides: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        if not sign or not key or key == "omit":
            raise UsageError(f"{word} is not key=value")
        try:
            overrides[key] = orjson.loads(text)
        except orjson.JSONDecodeError:
            overrides[key] = text
    if type(overrides.get("event_id", 0)) is not int:
        raise UsageError("event_id is a whole number")
    return overrides


def _one_of(word: str, known: Mapping[str, _T]) -> _T:
    try:
        return known[word]
    except KeyError as error:
        raise UsageError(f"{word} is none of {', '.join(known)}") from error


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise UsageError(f"{word} is no number") from error


def _seconds(word: str) -> float:
    seconds = _number(word)
    if not 0 <= seconds <= 86400:
        raise UsageError(f"{word} seconds: 0 to 86400 will do")
    return seconds


def _integer(word: str, most: int = 2**31) -> int:
    if not word.isascii() or not word.isdigit() or int(word) > most:
        raise UsageError(f"{word} is no whole number from 0 to {most}")
    return int(word)
