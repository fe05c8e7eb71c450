"""The HTTPS endpoints of the vendor's cloud, SUNMI Store: a row each, in the order of its cloud API.

Its documents lost most words of the column that says what is required: there a row has what their examples send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog import checks
from ipc_bridge.catalog.device import GENDER, PERIOD, URL
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.catalog.fields import NUMBER, TEXT, Choice, Count, Field, File, Hour, Int, ListOf, Record, Text
from ipc_bridge.catalog.windows import Merge, Unit, Window

READ, WRITE, ACTION, DANGER = Effect
MAX_BODY = 1_000_000
"""Bytes of a request. The documents say 1M, and not which of the two it is."""
CUSTOM_FIELDS = range(1, 6)  # of a group of faces

Fields = dict[str, Field]

# A row is read as a row, and a table as one page: the formatter would give each of their cells a line.
# fmt: off

# What calls take. Most of it comes back in replies.
SHOP: Fields = {"sunmi_shop_no": Text(example="100939020409")}
OLD_SHOP: Fields = {"shop_id": Text()}  # a partner's own number, for what was made before version 2.0
SERIAL = Text(example="C101P98200023")
CAMERA: Fields = {"ipc_id": Text(example="549755805835"), "ipc_sn": SERIAL}
TIME = PERIOD["start_time"]
AN_HOUR: Fields = {**PERIOD, "end_time": replace(TIME, example=1_578_972_864)}
DAY = Text(10, form="a day as YYYY-MM-DD", rule=vol.All(vol.Match(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}\Z"),
    date.fromisoformat), example="2020-01-01")
DAYS: Fields = {"start_time": DAY, "end_time": DAY}
RESOLUTION: Fields = {"resolution": Choice({0: "ultra HD", 1: "HD"})}
PAGE: Fields = {"page_num": Int(1), "page_size": Int(1)}
GROUP: Fields = {"group_id": Text(example="578968814328")}
TARGET: Fields = {"target_group_id": Text(example="578968813727")}
FACE_ID = Text(example="578968751459")
FACES = ListOf(FACE_ID)
GROUP_TYPE = Choice({1: "strangers", 2: "regulars", 3: "staff", 5: "members"}, example=5)
OPTIONAL_TEXT = Text(allow_empty=True)
KEYS: Fields = {f"customer_key{n}": OPTIONAL_TEXT for n in CUSTOM_FIELDS}
VALUES: Fields = {f"customer_value{n}": OPTIONAL_TEXT for n in CUSTOM_FIELDS}
# The codes are the cameras', the labels are not.
AGE_RANGE = Choice({1: "0-6", 2: "7-12", 3: "13-18", 4: "19-28", 5: "29-35", 6: "36-45", 7: "46-55", 8: "56 and over"})
PERSON: Fields = {"gender": Choice({1: "male", 2: "female"}), "age_range": AGE_RANGE, **VALUES}
MAC = Text(12, form="a MAC address as 12 upper-case hexadecimal digits", rule=vol.Match(r"[0-9A-F]{12}\Z"),
    example="0C25766F5705")
PERSON_CAME = 2001
EVENTS = ListOf(Choice({PERSON_CAME: "a person came in"}), 1)

# What calls answer.
STREAMS: Fields = {"url": TEXT, "hls_url": TEXT}
SNAPSHOT: Fields = {"snapshot_url": TEXT}
TOTAL: Fields = {"total_count": Int(aliases=("total_num",))}
RECORDING: Fields = {"ipc_id": TEXT, "url": TEXT, **dict.fromkeys(PERIOD, NUMBER)}
DETECTION: Fields = {"source": Choice({"1": "motion", "2": "sound", "3": "motion and sound"}), "detect_time": NUMBER,
    "url": TEXT}
# Hours in which nobody passed come without their count.
COUNT = Int(absent=0)
PASSERS: Fields = {"pass_count": COUNT, "unexposed_count": COUNT}
TAGS: Fields = {"stranger_count": COUNT, "regular_count": COUNT, "member_count": COUNT}
SEXES: Fields = {f"{sex}_{tag}count": COUNT for sex in ("male", "female") for tag in ("", "regular_", "member_")}
VISITS: Fields = {"total_count": COUNT, **TAGS}
# Of persons who came more than once: answers to several periods cannot be added up.
DISTINCT: Fields = {f"uniq_{name}": NUMBER for name in VISITS}
DISTINCT_SEXES: Fields = {f"uniq_{name}": NUMBER for name in SEXES}
HISTORY: Fields = {**VISITS, **DISTINCT, **PASSERS}
FREQUENCY: Fields = {"frequency": NUMBER, **{f"{tag}_uniq_count": COUNT for tag in ("stranger", "regular", "member")}}
GROUP_RECORD: Fields = {**GROUP, "type": GROUP_TYPE, "count": NUMBER, "capacity": NUMBER,
    "last_modified_time": NUMBER, "group_name": TEXT, "description": TEXT, **dict.fromkeys(KEYS, TEXT)}
FACE: Fields = {"face_id": TEXT, **GROUP, "group_name": TEXT, "gender": GENDER, "age_range": AGE_RANGE,
    "arrival_count": NUMBER, "create_time": NUMBER, "last_arrival_time": NUMBER, "name": TEXT}
# Values of a face, which one answer calls by the names of their keys.
FACE_VALUES: Fields = {f"customer_value{n}": Text(aliases=(f"customer_key{n}",)) for n in CUSTOM_FIELDS}
CAMERA_RECORD: Fields = {"ipc_id": TEXT, "ipc_sn": TEXT, "ipc_name": TEXT, "model_name": TEXT,
    "software_version": TEXT, "active_status": Choice({0: "offline", 1: "online"})}
CAMERA_DETAILS: Fields = {**CAMERA_RECORD, "check_version_time": NUMBER, "connect_time": NUMBER, "screenshot_url": TEXT}


def _table(name: str, record: Mapping[str, Field]) -> Fields:
    return {name: ListOf(Record(record))}


def _cameras(record: Mapping[str, Field]) -> Fields:
    return {"total_count": Count(of="ipc_list", aliases=("total_num",)), **_table("ipc_list", record)}


def _of_shop(path: str, effect: Effect, title: str, params: Mapping[str, Field] | None = None, *,
        optional: Mapping[str, Field] | None = None, codes: tuple[int, ...] = (), **more: Any) -> Endpoint:
    """A row of a call that names the shop. Any of them finds no database, no data, or no shop."""
    return Endpoint(path, effect, title, {**SHOP, **(params or {})}, optional={**OLD_SHOP, **(optional or {})},
        codes=(5000, 5013, 5041, *codes), **more)


def _of_camera(path: str, effect: Effect, title: str, params: Mapping[str, Field] | None = None, *,
        optional: Mapping[str, Field] | None = None, **more: Any) -> Endpoint:
    """A row of a call that names one of the shop's cameras, too."""
    return _of_shop(path, effect, title, params, optional={**CAMERA, **(optional or {})},
        checks=(checks.names_camera, *more.pop("checks", ())), **more)


NOT_REACHED = (5011, 5501, 5510)
A_MONTH = Window(30, Unit.DAYS, Merge.ADD)

LIVE_START = _of_camera("media/live/start", ACTION, "start a live view", RESOLUTION, reply=STREAMS, codes=NOT_REACHED)
LIVE_STOP = _of_camera("media/live/stop", ACTION, "end a live view", RESOLUTION, codes=NOT_REACHED)
# Its limit is that of getList: the documents have a code for too long a period, and name none.
PLAYBACK_START = Endpoint("media/playback/start", ACTION, "start a playback", {**SHOP, **PERIOD},
    optional={**OLD_SHOP, **CAMERA}, reply={**STREAMS, "client_id": TEXT}, codes=(5021, 5041, 5087, 5088, 5506),
    experimental=True, window=Window(3600, Unit.SECONDS, enforced=False), checks=(checks.names_camera,))
PLAYBACK_STOP = Endpoint("media/playback/stop", ACTION, "end a playback",
    {"client_id": Text(example="SAAS-OpenAPI_1211497245552152576")}, codes=(5020,), experimental=True)
GET_VIDEO_LIST = _of_camera("media/video/getList", READ, "recordings", AN_HOUR, codes=(5021,),
    reply={"total_count": Count(of="video_list", aliases=("total_num",)), **_table("video_list", RECORDING)},
    window=Window(3600, Unit.SECONDS, Merge.UNITE))
GET_MOTION_LIST = _of_camera("media/motionDetection/getList", READ, "recordings of motion and sound", PERIOD,
    optional={**PAGE, "page_size": Int(1, 100)}, reply={**TOTAL, **_table("video_list", DETECTION)},
    checks=(checks.period_in_order,))
GET_PLAYBACK_SNAPSHOT = _of_camera("media/playback/getSnapshot", READ, "a picture of a moment", {"time": TIME},
    reply=SNAPSHOT)
GET_LIVE_SNAPSHOT = _of_camera("media/live/getSnapshot", READ, "a picture of now, kept for a day", reply=SNAPSHOT,
    codes=(*NOT_REACHED, 5515))

GET_TODAY = _of_shop("passengerFlow/stat/today/getLatest", READ, "how many came today",
    reply={"total_count": COUNT, **PASSERS})
TODAY_BY_TAG = _of_shop("passengerFlow/stat/today/groupByTag", READ, "today by age and acquaintance",
    reply=_table("count_list", {"age_range": AGE_RANGE, **TAGS}))
TODAY_BY_GENDER = _of_shop("passengerFlow/stat/today/groupByGender", READ, "today by age and gender",
    reply=_table("count_list", {"age_range": AGE_RANGE, **SEXES}))
TODAY_BY_HOUR = _of_shop("passengerFlow/stat/today/getTrendByHour", READ, "today by hour",
    reply=_table("count_list", {"time": Hour(), "total_count": COUNT, **PASSERS}))
HISTORY_BY_TAG = _of_shop("passengerFlow/stat/history/groupByTag", READ, "past days by acquaintance", DAYS,
    reply=HISTORY, window=A_MONTH)
HISTORY_BY_GENDER = _of_shop("passengerFlow/stat/history/groupByGender", READ, "past days by age and gender", DAYS,
    reply=_table("count_list", {"age_range": AGE_RANGE, **SEXES, **DISTINCT_SEXES}), window=A_MONTH)
# It is asked for days: 24 hours are one of them.
HISTORY_BY_HOUR = _of_shop("passengerFlow/stat/history/getTrendByHour", READ, "the hours of a past day", DAYS,
    reply=_table("count_list", {"time": Hour(), **HISTORY}), window=Window(24, Unit.HOURS, Merge.ADD))
HISTORY_BY_DAY = _of_shop("passengerFlow/stat/history/getTrendByDay", READ, "past days, each", DAYS,
    reply=_table("count_list", {"time": TEXT, **HISTORY}), window=A_MONTH)
# These two are described as they were before version 2.0, with the partner's number alone.
HISTORY_BY_WEEK = _of_shop("passengerFlow/stat/history/getTrendByWeek", READ, "past weeks, each", DAYS,
    reply=_table("count_list", {"time": TEXT, **VISITS}), window=Window(12, Unit.WEEKS, Merge.ADD), experimental=True)
HISTORY_BY_MONTH = _of_shop("passengerFlow/stat/history/getTrendByMonth", READ, "past months, each", DAYS,
    reply=_table("count_list", {"time": TEXT, **VISITS}), window=Window(12, Unit.MONTHS, Merge.ADD), experimental=True)
# Who came twice in a month may have come once in each half: parts do not add up.
GET_FREQUENCY = Endpoint("passengerFlow/stat/history/person/frequency/getList", READ, "how many came how often",
    {**SHOP, **DAYS}, reply=_table("frequency_list", FREQUENCY), codes=(5025, 5041),
    window=Window(30, Unit.DAYS, before_today=True))

GET_GROUP_LIST = _of_shop("face/group/getList", READ, "the groups of faces", reply=_table("group_list", GROUP_RECORD))
GET_GROUP = _of_shop("face/group/getInfo", READ, "a group of faces", GROUP, reply=GROUP_RECORD)
# Its answer does not tell the new group's id. Of the other types every shop has one group already.
CREATE_GROUP = _of_shop("face/group/create", WRITE, "a new group of faces",
    {"name": Text(example="Mike"), "type": GROUP_TYPE, "capacity": Int(1, example=10_000)},
    optional={"description": OPTIONAL_TEXT, **KEYS}, defaults={"type": 5}, codes=(5518, 5520, 5523))
UPDATE_GROUP = _of_shop("face/group/update", WRITE, "name, capacity, description and custom fields of a group", GROUP,
    optional={"name": Text(example="Mike"), "capacity": Int(1, example=10_000), "description": OPTIONAL_TEXT, **KEYS},
    codes=(5506, 5520, 5525))
DELETE_GROUP = _of_shop("face/group/delete", DANGER, "delete an empty group", GROUP, codes=(5506, 5509, 5524))
GET_FACE_LIST = _of_shop("face/group/getFaceList", READ, "the faces of a group", GROUP, optional=PAGE,
    reply={**TOTAL, **_table("face_list", {**FACE, **FACE_VALUES})}, codes=(5506,))
MOVE_FACES = _of_shop("face/group/move", WRITE, "move faces to another group",
    {"source_group_id": Text(example="578968813726"), **TARGET, "face_id_list": FACES}, codes=(5520, 5521, 5522))
UPDATE_MOVE_STRATEGY = _of_shop("face/group/updateMoveStrategy", WRITE,
    "how often in how many seconds makes a stranger move to a group",
    {**TARGET, "threshold": Int(1, example=4), "period": Int(1, unit="s", example=604_800)}, codes=(5506, 5520, 5525))

GET_FACE = _of_shop("face/getInfo", READ, "a face", {"face_id": FACE_ID}, reply={**FACE, **FACE_VALUES}, codes=(5506,))
ADD_FACE = _of_shop("face/add", WRITE, "a new face; its id holds once face/getInfo knows it",
    {**GROUP, "name": Text(example="Mike"), "pic": File(MAX_BODY - 1, None, None)}, optional=PERSON,
    reply={"face_id": TEXT}, codes=(5520,), multipart=True)
UPDATE_FACE = _of_shop("face/update", WRITE, "name, gender, age and custom values of a face",
    {**GROUP, "face_id": FACE_ID}, optional={"name": Text(example="Mike"), **PERSON}, codes=(5520, 5521))
DELETE_FACE = _of_shop("face/delete", DANGER, "delete faces of a group", {**GROUP, "face_id_list": FACES})

GET_CAMERA_LIST = _of_shop("device/ipc/getList", READ, "the cameras of a shop", reply=_cameras(CAMERA_DETAILS))
GET_COMPANY_LIST = Endpoint("device/ipc/getListByCompany", READ, "the cameras of a merchant",
    {"sunmi_company_no": Text(example="100000001")}, reply=_cameras(CAMERA_RECORD), codes=(5000, 5013, 5041))
GET_CAMERA = _of_camera("device/ipc/getInfo", READ, "a camera", reply=CAMERA_DETAILS, codes=(5501,))
UPDATE_NAME = _of_camera("device/ipc/updateName", WRITE, "a camera's name", {"ipc_name": Text(example="Front door")},
    codes=(*NOT_REACHED, 5506))
BIND = _of_shop("device/ipc/bind", WRITE, "bind a camera to a shop", {"ipc_sn": SERIAL, "mac": MAC},
    codes=(5020, 5079, 5501, 5509))
UNBIND = _of_camera("device/ipc/unbind", WRITE, "unbind a camera: the shop is without it", codes=(5020, 5501, 5510),
    disruptive=True)

HOOK_ADD = Endpoint("hook/add", WRITE, "post events to a URL; no call takes it back",
    {**SHOP, "http_callback": URL, "event_list": EVENTS}, optional=OLD_SHOP)
# fmt: on

ENDPOINTS: dict[str, Endpoint] = {row.path: row for row in tuple(vars().values()) if isinstance(row, Endpoint)}
"""Every row by its path."""
