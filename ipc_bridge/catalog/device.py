"""The camera's HTTPS endpoints: a row each, in the order of the vendor's device API.

Where its documents contradict themselves, a row has what works under both readings.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import voluptuous as vol

from ipc_bridge.catalog import checks
from ipc_bridge.catalog.checks import DEFAULT_GROUPS
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import (
    NUMBER,
    TEXT,
    Age,
    Choice,
    Count,
    Field,
    File,
    Flag,
    InRecord,
    Int,
    ListOf,
    MinuteOfDay,
    Named,
    Record,
    Text,
    Weekdays,
)
from ipc_bridge.models import Model
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT

READ, WRITE, ACTION, DANGER = Effect
FACES = (Model.FM020,)
MAX_FACES = 30_000  # in all groups of a camera
MAX_ATTRIBUTES = 5  # of a group

Fields = dict[str, Field]

# A row is read as a row, and a table as one page: the formatter would give each of their cells a line.
# fmt: off

# What calls take. Most of it comes back in replies.
EVENT = Choice({name: name for name in (FACE_EVENT, DETECT_EVENT)})
EVENTS: Fields = {"event_list": ListOf(EVENT, 2)}
URL = Text(form="beginning with http:// or https://", rule=vol.Match("https?://."), example="http://192.168.0.100/msg")
PERIOD: Fields = {
    "start_time": Int(0, 9_999_999_999, what="a Unix time in seconds", example=1_578_969_264),
    "end_time": Int(0, 9_999_999_999, what="a Unix time in seconds", example=1_579_055_640),
}
SLOTS: Fields = {**PERIOD, "period": Choice({1: "half_hour", 2: "hour", 3: "day"})}
LINE: Fields = {
    "resolution": Choice({0: "1080p", 1: "720p"}), "start_x": Int(0, 1920), "start_y": Int(0, 1080),
    "end_x": Int(0, 1920, example=500), "end_y": Int(0, 1080),
}
FLOW_MODE = Choice({0: "snapshot", 1: "normal"})
FLOW: Fields = {"facerecog_interval": Int(0, 86_400, unit="s"), "customer_judgemode": FLOW_MODE}
PAGE: Fields = {"page_num": Int(1), "page_size": Int(1, 100)}
GROUP = Text(96, example="vip")
OWN_GROUP = Text(96, reserved=DEFAULT_GROUPS, example="vip")
NEW_NAME = Text(96, form="not beginning with a blank", rule=vol.Match("[^ ]"), example="vip")
DETAILS: Fields = {"capacity": Int(1, MAX_FACES), "description": Text(150)}
# Attributes travel beside ordinary fields, whose names they may not have: the vendor reserves some of them.
RESERVED = ("group_name", "pic", "age", "gender", "faceid", "age_range", "arrive_times", "pic_url", "total_num",
    "return_num")
OTHERS = ("app_id", "timestamp", "random", "sign", "new_group_name", "start_time", "end_time", "order", "page_num",
    "page_size")
ATTRIBUTE = Text(50)
ATTRIBUTES = Named(Text(50, reserved=RESERVED + OTHERS, example="hobby"), ATTRIBUTE, MAX_ATTRIBUTES)
BY_NAME: Fields = {"attributes": ATTRIBUTES, **{f"item{n}": ATTRIBUTE for n in range(1, MAX_ATTRIBUTES + 1)}}
NAMES: Fields = {
    "num": Int(1, MAX_ATTRIBUTES), "group_name": OWN_GROUP,
    "name_list": ListOf(Text(50, reserved=RESERVED, example="hobby"), MAX_ATTRIBUTES),
}
FACE_ID = Text(
    32, form="the digits of a number from 1 to 9223372036854775807", example="123456",
    rule=vol.All(vol.Match(r"[0-9]+\Z"), vol.Coerce(int), vol.Range(1, 2**63 - 1)),
)
GENDER = Choice({0: "unknown", 1: "male", 2: "female"})
# Only the number travels. Of the bounds that the documents print, these leave no gap.
AGE_RANGE = Choice({1: "1-6", 2: "7-12", 3: "13-18", 4: "19-28", 5: "29-35", 6: "36-45", 7: "46-55", 8: "56-100"})
FACE_OPTIONS: Fields = {"age": Age(example=14), "gender": GENDER, **BY_NAME}
SECONDS = Choice({0: "0 s", 4: "4 s", 8: "8 s"})
WIFI: Fields = {"ssid": Text(32), "password": Text(64, allow_empty=True, secret=True)}
IPV4 = Text(15, form="an IPv4 address", rule=ipaddress.IPv4Address, example="192.168.1.110")
IP_MODE = Choice({"dhcp": "dhcp", "static": "static"}, example="static")
ADDRESSES: Fields = {"ipaddr": IPV4, "netmask": IPV4, "gateway": IPV4, "dns1": IPV4, "dns2": IPV4}
PERCENT = Int(0, 100, unit="%")
IR_MODE: Fields = {"irmode": Choice({0: "off", 1: "on", 2: "auto"})}
# It may start later than it stops: over midnight.
DETECTION: Fields = {
    "motion_level": Int(0, 3), "audio_level": Int(0, 3), "weekday": Weekdays(),
    "start_time": MinuteOfDay(), "stop_time": MinuteOfDay(),
}
LED: Fields = {"led_switch": Flag()}
OPTIMIZE: Fields = {"optimize_seconds": Int(1, 6, unit="s")}

# What calls answer.
TEXTS = ListOf(TEXT)
PERSON: Fields = {"faceid": TEXT, "group_name": TEXT, "age": Age(), "age_range": AGE_RANGE, "gender": GENDER}
VISITORS: Fields = {
    "total_num": NUMBER, "return_num": Count(of="face_list"),
    "face_list": ListOf(Record({**PERSON, "arrive_times": Int(aliases=("arrive_count",))})),
}
FACE: Fields = {**PERSON, "arrive_count": NUMBER, "arrive_time": NUMBER, "pic_url": TEXT}
LIST = ListOf(Record(FACE), aliases=("face_list",))
ABSENT: Fields = {"return_num": Count(of="faceid_list", aliases=("num",)), "faceid_list": LIST}
# Men and women by age range.
SLOT: Fields = {**PERIOD, "total": NUMBER, "male_num_stat": ListOf(NUMBER), "female_num_stat": ListOf(NUMBER)}
COUNTS: Fields = {"total": NUMBER, "stat_list": ListOf(Record(SLOT))}
# Strangers alone have times and period.
GROUP_RECORD: Fields = {
    "name": TEXT, "count": NUMBER, "capacity": NUMBER, "description": Text(aliases=("Description",)),
    "times": NUMBER, "period": NUMBER,
}
# How often in how many days makes a stranger a regular, under the names that face/updateMigration has for it.
MIGRATION: Fields = {
    "arrive_times": InRecord(of="face_group", record="stranger", member="times"),
    "period": InRecord(of="face_group", record="stranger", member="period"),
}
HOOKS: Fields = {"num": Count(of="sub_event"), "sub_event": ListOf(Record({"event": TEXT, "http_callback": TEXTS}))}
RECORDING: Fields = {**PERIOD, "url": TEXT}
NETWORKS: Fields = {"num": Count(of="ap_list"), "ap_list": ListOf(Record({"ssid": TEXT, "key_mgmt": TEXT}))}
LENS: Fields = {
    "max_zoom": NUMBER, "max_focus": NUMBER, "zoom": NUMBER, "focus": NUMBER,
    "focused_x": Int(aliases=("focus_x",)), "focused_y": Int(aliases=("focus_y",)),
}
CARD = Choice({0: "unplugged", 1: "unformatted", 2: "working", 3: "unknown"})
VERSIONS: Fields = {"software_version": TEXT, "hardware_version": TEXT}

NO_CARD = (211, 220)  # no face service, no SD card
GROUP_CODES = (200, 201, 202, *NO_CARD, 212)
ITEM_CODES = (204, *NO_CARD, 240, 241, 242)
COUNT_CODES = (*NO_CARD, 265, 266, 267, 277, 280)
# The documents list them with the getter only, where they make less sense.
LINE_CODES = (260, 261, 262, 263, 264, 276, 277)

HOOK_ADD = Endpoint("hook/add", WRITE, "post events to a URL", {**EVENTS, "http_callback": URL}, codes=(310, 311))
HOOK_DELETE = Endpoint("hook/delete", WRITE, "post events no more", EVENTS, codes=(310,))
HOOK_QUERY = Endpoint("hook/query", READ, "where events are posted to", reply=HOOKS)

SET_DOOR_LINE = Endpoint("peopleFlow/setDoorLine", WRITE, "the line of the door", LINE,
    codes=(*LINE_CODES, 278), checks=(checks.line_in_picture,))
GET_DOOR_LINE = Endpoint("peopleFlow/getDoorLine", READ, "the line of the door", reply=LINE, codes=(*LINE_CODES, 279))
GET_FLOW_CONFIG = Endpoint("peopleFlow/getConfig", READ, "how people are counted", reply=FLOW)
# The documents do not say which of the two is required.
SET_FLOW_CONFIG = Endpoint("peopleFlow/setConfig", WRITE, "how people are counted", FLOW)
GET_PEOPLE_STAT = Endpoint("peopleFlow/getPeopleStat", READ, "how many came in", SLOTS, reply=COUNTS, codes=COUNT_CODES)
GET_PEOPLE_STAT_PASS = Endpoint("peopleFlow/getPeopleStatPass", READ, "how many passed by", SLOTS, reply=COUNTS,
    codes=COUNT_CODES)
GET_PEOPLE_STAT_OUT = Endpoint("peopleFlow/getPeopleStatOut", READ, "how many went out", SLOTS, reply=COUNTS,
    codes=COUNT_CODES)
# Of its codes, 281 and 282 stand where 284 and 285 would fit.
GET_VISITOR_LIST = Endpoint("peopleFlow/getVisitorList", READ, "visitors, the most frequent first",
    {**PERIOD, "order": Int(1, MAX_FACES)},
    optional={"group_name": GROUP, "gender": Choice({1: "male", 2: "female"}), "age_range": AGE_RANGE, "age": Age(),
        **BY_NAME, **PAGE},
    reply=VISITORS, codes=(*NO_CARD, *range(266, 275), 277, 280, 281, 282, 284, 285),
    checks=(checks.age_or_range,))
GET_FACE_VISIT_DETAIL = Endpoint("peopleFlow/getFaceVisitDetail", READ, "the visits of a face",
    {**PERIOD, "faceid": FACE_ID},
    reply={"total_times": Count(of="came_in_time", aliases=("arrive_count",)), "came_in_time": ListOf(NUMBER)},
    codes=(*NO_CARD, 266, 267, 275, 277, 280))

CREATE_GROUP = Endpoint("face/createGroup", WRITE, "a new group of faces",
    {"name": replace(NEW_NAME, reserved=DEFAULT_GROUPS), **DETAILS}, codes=GROUP_CODES, models=FACES)
UPDATE_GROUP = Endpoint("face/updateGroup", WRITE, "name, capacity and description of a group",
    {"old_name": GROUP, "name": NEW_NAME, **DETAILS}, codes=(*GROUP_CODES, 204), models=FACES,
    checks=(checks.default_group_keeps_name,))
UPDATE_MIGRATION = Endpoint("face/updateMigration", WRITE, "how often in how many days makes a stranger a regular",
    {"arrive_times": Int(1, 10), "period": Int(1, 100, unit="d")}, codes=(204, *NO_CARD), models=FACES)
DELETE_GROUP = Endpoint("face/deleteGroup", DANGER, "delete an empty group", {"name": OWN_GROUP},
    codes=(201, 204, 205, *NO_CARD), models=FACES)
GET_GROUP_LIST = Endpoint("face/getGroupList", READ, "the groups of faces",
    reply={"num": Count(of="face_group"), "face_group": ListOf(Record(GROUP_RECORD)), **MIGRATION}, codes=NO_CARD,
    models=FACES)
ADD_FACE_INFO_ITEM = Endpoint("face/addFaceInfoItem", WRITE, "give a group attributes", NAMES, codes=ITEM_CODES,
    models=FACES, checks=(checks.list_as_long_as_num,))
REMOVE_FACE_INFO_ITEM = Endpoint("face/removeFaceInfoItem", DANGER, "take attributes from a group, and their values",
    NAMES, codes=(*ITEM_CODES, 243), models=FACES, checks=(checks.list_as_long_as_num,))
GET_FACE_INFO_ITEM = Endpoint("face/getFaceInfoItem", READ, "the attributes of a group", {"group_name": GROUP},
    reply={"num": Count(of="name_list"), "name_list": TEXTS}, codes=(204, *NO_CARD), models=FACES)
ADD_FACE = Endpoint("face/addFace", WRITE, "a new face", {"pic": File(), "group_name": GROUP},
    optional={"faceid": FACE_ID, **FACE_OPTIONS}, reply={"faceid": TEXT}, codes=(204, 206, 208, 210, *NO_CARD),
    models=FACES, multipart=True)
DELETE_FACE = Endpoint("face/deleteFace", DANGER, "delete faces of a group",
    {"num": Int(1, MAX_FACES), "group_name": GROUP, "faceid_list": ListOf(FACE_ID, MAX_FACES)},
    reply={"success_list": TEXTS, "failed_list": TEXTS, "not_exist_list": TEXTS}, codes=(204, *NO_CARD), models=FACES,
    checks=(checks.list_as_long_as_num,))
UPDATE_FACE = Endpoint("face/updateFace", WRITE, "another group, picture, age, gender or attributes for a face",
    {"group_name": GROUP, "faceid": FACE_ID}, optional={"new_group_name": GROUP, "pic": File(), **FACE_OPTIONS},
    codes=(204, 207, 208, 210, *NO_CARD), models=FACES, multipart=True)
GET_FACE = Endpoint("face/getFace", READ, "a face", {"faceid": FACE_ID}, reply=FACE, codes=(207, 211), models=FACES)
GET_FACE_LIST = Endpoint("face/getFaceList", READ, "the faces of a group", {"group_name": GROUP}, optional=PAGE,
    reply={"total_num": NUMBER, **ABSENT}, codes=(204, 211, 273, 274), models=FACES)
GET_FACE_BY_ARRIVAL = Endpoint("face/getFaceByArrival", READ, "the faces that were absent longest",
    {"group_name": GROUP}, optional={"num": Int(1, 10)}, reply=ABSENT, codes=(204, 207, 211), models=FACES)
GET_FACE_BY_PICTURE = Endpoint("face/getFaceByPicture", READ, "the face in a picture", {"pic": File()}, reply=FACE,
    codes=(207, 210, 211, 280, 283), models=FACES, multipart=True)

GET_LIVE_STREAM = Endpoint("media/getLiveStream", READ, "RTSP addresses of now",
    reply={"hd_live_url": TEXT, "fhd_live_url": TEXT}, codes=(232,))
GET_PLAYBACK_STREAM = Endpoint("media/getPlaybackStream", READ, "RTSP address of the past", PERIOD,
    reply={"playback_url": TEXT}, codes=(230, 235))
# The documents allow pages of 0 recordings, too.
GET_RECORD_LIST = Endpoint("media/getRecordList", READ, "recordings of about a minute each", PERIOD,
    optional={**PAGE, "page_size": Int(1, 500)}, codes=(231, 234, 235),
    reply={"total_num": NUMBER, "return_num": Count(of="record_list"), "record_list": ListOf(Record(RECORDING))})
GET_SNAPSHOT = Endpoint("media/getSnapshot", READ, "a picture of now", reply={"snapshot_url": TEXT}, codes=(233,))
GET_CUR_VIDEOS = Endpoint("media/getCurVideos", READ, "a clip around now, a few seconds later",
    {"preceding": SECONDS, "following": SECONDS}, reply={"url": TEXT}, codes=(236, 237))

SET_WIFI_CONF = Endpoint("config/setWifiConf", DANGER, "Wi-Fi", WIFI, codes=(100, 101), disruptive=True)
SET_WIFI_CONF_WITHOUT_AUTH = Endpoint("config/setWifiConfWithoutAuth", DANGER, "Wi-Fi before activation", WIFI,
    codes=(100, 101), auth=Auth.NONE, disruptive=True)
GET_WIFI_CONF = Endpoint("config/getWifiConf", READ, "Wi-Fi", reply=WIFI)
GET_AP_LIST = Endpoint("config/getApList", READ, "Wi-Fi networks", reply=NETWORKS)
GET_AP_LIST_WITHOUT_AUTH = Endpoint("config/getApListWithoutAuth", READ, "Wi-Fi networks before activation",
    reply=NETWORKS, auth=Auth.NONE)
GET_IP_CONFIGURATION = Endpoint("config/getIpConfiguration", READ, "IP addresses",
    reply={"proto": IP_MODE, **dict.fromkeys(ADDRESSES, TEXT)})
SET_IP_CONFIGURATION = Endpoint("config/setIpConfiguration", DANGER, "IP addresses", {"proto": IP_MODE},
    optional=ADDRESSES, disruptive=True, checks=(checks.address_is_whole,))
SET_ZOOM = Endpoint("config/setZoom", WRITE, "zoom", {"zoom": Int(0, 500)}, codes=(110,))
MANUAL_FOCUS = Endpoint("config/manualFocus", WRITE, "focus", {"focus": Int(0, 780)}, codes=(111,))
AUTO_FOCUS = Endpoint("config/autoFocus", ACTION, "focus on a point", {"focus_x": PERCENT, "focus_y": PERCENT},
    codes=(112,))
RESET_ZOOM_FOCUS = Endpoint("config/resetZoomFocus", ACTION, "zoom and focus as delivered")
GET_ZOOM_FOCUS_CONF = Endpoint("config/getZoomFocusConf", READ, "zoom, focus and their limits", reply=LENS)
SET_IR_MODE = Endpoint("config/setIrMode", WRITE, "night vision", IR_MODE, codes=(113,))
GET_IR_MODE = Endpoint("config/getIrMode", READ, "night vision", reply=IR_MODE)
SET_DYNAMIC_DETECT = Endpoint("config/setDynamicDetect", WRITE, "detection", DETECTION, codes=(114, 115, 116, 117))
GET_DYNAMIC_DETECT = Endpoint("config/getDynamicDetect", READ, "detection", reply=DETECTION)
UPDATE_NAME = Endpoint("config/updateName", WRITE, "the camera's name", {"name": Text(36)}, codes=(118,))
GET_NAME = Endpoint("config/getName", READ, "the camera's name", reply={"name": TEXT})
SET_LED_SWITCH = Endpoint("config/setLedSwitch", WRITE, "the LED", LED, codes=(119,))
GET_LED_SWITCH = Endpoint("config/getLedSwitch", READ, "the LED", reply=LED)
SET_ROTATION = Endpoint("config/setRotation", WRITE, "rotation", {"rotation": Int(0, 359, unit="°")}, codes=(120,))
GET_ROTATION = Endpoint("config/getRotation", READ, "rotation", reply={"rotation": NUMBER})
GET_ROTATION_ANGLES = Endpoint("config/getRotationAngles", READ, "possible rotations", reply={"angles": ListOf(NUMBER)})
FORMAT_MEMORY_CARD = Endpoint("config/formatMemoryCard", DANGER, "format the SD card: all that is on it is lost",
    codes=(220, 221), disruptive=True)
GET_MEMORY_CARD_STATUS = Endpoint("config/getMemoryCardStatus", READ, "the SD card", reply={"status": CARD})
GET_AI_FACE_CONFIG = Endpoint("config/getAiFaceConfig", READ, "how faces are recognised",
    reply={**OPTIMIZE, "snap_size_thr": NUMBER}, models=FACES)
# What it answers is not what it set: the getter tells.
SET_AI_FACE_CONFIG = Endpoint("config/setAiFaceConfig", WRITE, "how faces are recognised", OPTIMIZE, reply=OPTIMIZE,
    models=FACES)

ACTIVATE = Endpoint("device/activate", DANGER, "activate the camera: its groups and faces are lost",
    {"sn": Text(64, example="FS101D8BS00106")}, codes=(4, 8, 9, 10, 11), auth=Auth.ACTIVATION_CODE, disruptive=True)
GET_INFO = Endpoint("device/getInfo", READ, "serial number, model and versions",
    reply={"sn": TEXT, "model_name": TEXT, "name": TEXT, "ip": TEXT, "mac": TEXT, **VERSIONS})
RESET = Endpoint("device/reset", DANGER, "factory settings: all else is lost", disruptive=True)
REBOOT = Endpoint("device/reboot", ACTION, "restart the camera", disruptive=True)
# fmt: on

ENDPOINTS: dict[str, Endpoint] = {row.path: row for row in tuple(vars().values()) if isinstance(row, Endpoint)}
"""Every row by its path."""
