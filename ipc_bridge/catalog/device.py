"""The camera's HTTPS endpoints: a row each, in the order of the vendor's device API.

Where its documents contradict themselves, the row has what works under both readings; the reason stands beside it.
"""

from __future__ import annotations

from ipc_bridge.catalog.checks import (
    address_for_static,
    age_or_range,
    default_group_keeps_name,
    door_line_in_picture,
    list_as_long_as_num,
)
from ipc_bridge.catalog.endpoint import ATTRIBUTE_NAME, ITEMS, MAX_ATTRIBUTES, Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import (
    NUMBER,
    TEXT,
    Age,
    Choice,
    Count,
    FaceId,
    Field,
    File,
    Flag,
    Int,
    IPv4,
    ListOf,
    MinuteOfDay,
    Record,
    Text,
    Weekdays,
)
from ipc_bridge.models import Model

WITH_FACES = (Model.FM020,)

DEFAULT_GROUPS = ("stranger", "regular")
"""They cannot be renamed, deleted or given attributes."""
MAX_FACES = 30_000
"""What a camera holds in all of its groups."""

EVENTS = ListOf(Choice({"face_recog_event": "face_recog_event", "dynamic_detect_event": "dynamic_detect_event"}))
PERIOD: dict[str, Field] = {
    "start_time": Int(0, 9_999_999_999, what="a Unix time in seconds", example=1578969264),
    "end_time": Int(0, 9_999_999_999, what="a Unix time in seconds", example=1579055640),
}
STATISTICS: dict[str, Field] = {**PERIOD, "period": Choice({1: "half_hour", 2: "hour", 3: "day"})}
PAGE: dict[str, Field] = {"page_num": Int(1, example=1), "page_size": Int(1, 100, example=10)}
RESOLUTION = Choice({0: "1080p", 1: "720p"})
DOOR_LINE: dict[str, Field] = {
    "resolution": RESOLUTION,
    "start_x": Int(0, 1920, example=500),
    "start_y": Int(0, 1080, example=500),
    "end_x": Int(0, 1920, example=1200),
    "end_y": Int(0, 1080, example=500),
}
GENDER = Choice({0: "unknown", 1: "male", 2: "female"})
AGE_RANGE = Choice(
    {1: "1-6", 2: "7-12", 3: "13-18", 4: "19-28", 5: "29-35", 6: "36-45", 7: "46-55", 8: "56-100"},
)
"""Only the number travels; of the bounds that the documents give, these leave no gap."""
FLOW_CONFIG: dict[str, Field] = {
    "facerecog_interval": Int(0, 86_400, unit="s", example=10),
    "customer_judgemode": Choice({0: "snapshot", 1: "normal"}),
}
GROUP = Text(96, example="vip")
NEW_GROUP = Text(96, pattern=r"[^ ].*", form="not beginning with a blank", reserved=DEFAULT_GROUPS, example="vip")
OWN_GROUP = Text(96, reserved=DEFAULT_GROUPS, example="vip")
CAPACITY = Int(1, MAX_FACES, example=10_000)
DESCRIPTION = Text(150, example="Customers with gold card.")
NAMES: dict[str, Field] = {
    "num": Int(1, MAX_ATTRIBUTES, example=1),
    "group_name": OWN_GROUP,
    "name_list": ListOf(ATTRIBUTE_NAME, MAX_ATTRIBUTES),
}
WIFI: dict[str, Field] = {
    "ssid": Text(32, example="WeWork"),
    "password": Text(64, allow_empty=True, secret=True, example="1234567890"),
}
IP_MODE = Choice({"dhcp": "dhcp", "static": "static"}, example="static")
DETECTION: dict[str, Field] = {
    "motion_level": Int(0, 3, example=2),
    "audio_level": Int(0, 3, example=2),
    "weekday": Weekdays(example=128),
    "start_time": MinuteOfDay(example=200),
    "stop_time": MinuteOfDay(example=400),
}
LED: dict[str, Field] = {"led_switch": Flag()}
IR_MODE: dict[str, Field] = {"irmode": Choice({0: "off", 1: "on", 2: "auto"})}
OPTIMIZE: dict[str, Field] = {"optimize_seconds": Int(1, 6, unit="s", example=6)}

# Replies.
FACE: dict[str, Field] = {
    "faceid": TEXT,
    "group_name": TEXT,
    "age": Age(),
    "age_range": AGE_RANGE,
    "gender": GENDER,
    "arrive_count": NUMBER,
    "arrive_time": NUMBER,
    "pic_url": TEXT,
}
SLOT: dict[str, Field] = {**PERIOD, "total": NUMBER, "male_num_stat": ListOf(NUMBER), "female_num_stat": ListOf(NUMBER)}
COUNTS: dict[str, Field] = {"total": NUMBER, "stat_list": ListOf(Record(SLOT))}
NETWORKS: dict[str, Field] = {
    "num": Count(of="ap_list"),
    "ap_list": ListOf(Record({"ssid": TEXT, "key_mgmt": TEXT})),
}

NO_CARD = (211, 220)
"""The face service is not running; there is no SD card."""
GROUP_CODES = (200, 201, 202, *NO_CARD, 212)
STATISTICS_CODES = (*NO_CARD, 265, 266, 267, 277, 280)
LINE_CODES = (260, 261, 262, 263, 264, 276, 277)

HOOK_ADD = Endpoint(
    "hook/add",
    "Have events posted to a URL",
    {
        "event_list": EVENTS,
        "http_callback": Text(
            pattern="https?://.+", form="beginning with http:// or https://", example="http://192.168.0.100/msg"
        ),
    },
    codes=(310, 311),
    effect=Effect.WRITE,
)
HOOK_DELETE = Endpoint(
    "hook/delete", "Have events posted no more", {"event_list": EVENTS}, codes=(310,), effect=Effect.WRITE
)
HOOK_QUERY = Endpoint(
    "hook/query",
    "List what is posted where",
    reply={
        "num": Count(of="sub_event"),
        "sub_event": ListOf(Record({"event": TEXT, "http_callback": ListOf(TEXT)})),
    },
)

SET_DOOR_LINE = Endpoint(
    "peopleFlow/setDoorLine",
    "Set the line that people are counted at",
    DOOR_LINE,
    # The documents list the first ones with the getter, where they make no sense.
    codes=(*LINE_CODES, 278),
    effect=Effect.WRITE,
    checks=(door_line_in_picture,),
)
GET_DOOR_LINE = Endpoint(
    "peopleFlow/getDoorLine", "Get the line that people are counted at", reply=DOOR_LINE, codes=(*LINE_CODES, 279)
)
GET_FLOW_CONFIG = Endpoint("peopleFlow/getConfig", "Get how people are counted", reply=FLOW_CONFIG)
SET_FLOW_CONFIG = Endpoint("peopleFlow/setConfig", "Set how people are counted", FLOW_CONFIG, effect=Effect.WRITE)
GET_PEOPLE_STAT = Endpoint(
    "peopleFlow/getPeopleStat", "Count who came in", STATISTICS, reply=COUNTS, codes=STATISTICS_CODES
)
GET_PEOPLE_STAT_PASS = Endpoint(
    "peopleFlow/getPeopleStatPass", "Count who passed by", STATISTICS, reply=COUNTS, codes=STATISTICS_CODES
)
GET_PEOPLE_STAT_OUT = Endpoint(
    "peopleFlow/getPeopleStatOut", "Count who went out", STATISTICS, reply=COUNTS, codes=STATISTICS_CODES
)
GET_VISITOR_LIST = Endpoint(
    "peopleFlow/getVisitorList",
    "List visitors, the most frequent first",
    {**PERIOD, "order": Int(1, MAX_FACES, example=50)},
    optional={
        "group_name": GROUP,
        "gender": Choice({1: "male", 2: "female"}, example=1),
        "age_range": AGE_RANGE,
        "age": Age(),
        **ITEMS,
        **PAGE,
    },
    reply={
        "total_num": NUMBER,
        "return_num": Count(of="face_list"),
        "face_list": ListOf(Record({**FACE, "arrive_times": Int(aliases=("arrive_count",))})),
    },
    # 281 and 282 are listed where 284 and 285 would fit.
    codes=(*NO_CARD, *range(266, 275), 277, 280, 281, 282, 284, 285),
    attributes=True,
    checks=(age_or_range,),
)
GET_FACE_VISIT_DETAIL = Endpoint(
    "peopleFlow/getFaceVisitDetail",
    "List the visits of one face",
    {**PERIOD, "faceid": FaceId(example="000001")},
    reply={
        "total_times": Count(of="came_in_time", aliases=("arrive_count",)),
        "came_in_time": ListOf(NUMBER),
    },
    codes=(*NO_CARD, 266, 267, 275, 277, 280),
)

CREATE_GROUP = Endpoint(
    "face/createGroup",
    "Create a group of faces",
    {"name": NEW_GROUP, "capacity": CAPACITY, "description": DESCRIPTION},
    codes=GROUP_CODES,
    effect=Effect.WRITE,
    models=WITH_FACES,
)
UPDATE_GROUP = Endpoint(
    "face/updateGroup",
    "Change a group",
    {
        "old_name": GROUP,
        "name": Text(96, pattern=r"[^ ].*", form="not beginning with a blank", example="svip"),
        "capacity": CAPACITY,
        "description": DESCRIPTION,
    },
    codes=(*GROUP_CODES, 204),
    effect=Effect.WRITE,
    models=WITH_FACES,
    checks=(default_group_keeps_name,),
)
UPDATE_MIGRATION = Endpoint(
    "face/updateMigration",
    "Set how a stranger becomes a regular",
    {"arrive_times": Int(1, 10, example=5), "period": Int(1, 100, unit="d", example=20)},
    codes=(204, *NO_CARD),
    effect=Effect.WRITE,
    models=WITH_FACES,
)
DELETE_GROUP = Endpoint(
    "face/deleteGroup",
    "Delete an empty group",
    {"name": OWN_GROUP},
    codes=(201, 204, 205, *NO_CARD),
    effect=Effect.DANGER,
    models=WITH_FACES,
)
GET_GROUP_LIST = Endpoint(
    "face/getGroupList",
    "List the groups of faces",
    reply={
        "num": Count(of="face_group"),
        "face_group": ListOf(
            Record(
                {
                    "name": TEXT,
                    "count": NUMBER,
                    "capacity": NUMBER,
                    "description": Text(aliases=("Description",)),
                    "times": NUMBER,
                    "period": NUMBER,
                }
            )
        ),
    },
    codes=NO_CARD,
    models=WITH_FACES,
)
ADD_FACE_INFO_ITEM = Endpoint(
    "face/addFaceInfoItem",
    "Add attributes to a group",
    NAMES,
    codes=(204, *NO_CARD, 240, 241, 242),
    effect=Effect.WRITE,
    models=WITH_FACES,
    checks=(list_as_long_as_num,),
)
REMOVE_FACE_INFO_ITEM = Endpoint(
    "face/removeFaceInfoItem",
    "Remove attributes from a group, with their values",
    NAMES,
    codes=(204, *NO_CARD, 240, 241, 242, 243),
    effect=Effect.DANGER,
    models=WITH_FACES,
    checks=(list_as_long_as_num,),
)
GET_FACE_INFO_ITEM = Endpoint(
    "face/getFaceInfoItem",
    "List the attributes of a group",
    {"group_name": GROUP},
    reply={"num": Count(of="name_list"), "name_list": ListOf(TEXT)},
    codes=(204, *NO_CARD),
    models=WITH_FACES,
)
ADD_FACE = Endpoint(
    "face/addFace",
    "Add a face",
    {"pic": File(), "group_name": GROUP},
    optional={"faceid": FaceId(example="123456"), "age": Age(example=14), "gender": GENDER, **ITEMS},
    reply={"faceid": TEXT},
    codes=(204, 206, 208, 210, *NO_CARD),
    effect=Effect.WRITE,
    models=WITH_FACES,
    multipart=True,
    attributes=True,
)
DELETE_FACE = Endpoint(
    "face/deleteFace",
    "Delete faces",
    {"num": Int(1, MAX_FACES, example=1), "group_name": GROUP, "faceid_list": ListOf(FaceId(example="105"), MAX_FACES)},
    reply={"success_list": ListOf(TEXT), "failed_list": ListOf(TEXT), "not_exist_list": ListOf(TEXT)},
    codes=(204, *NO_CARD),
    effect=Effect.DANGER,
    models=WITH_FACES,
    checks=(list_as_long_as_num,),
)
UPDATE_FACE = Endpoint(
    "face/updateFace",
    "Change a face",
    {"group_name": GROUP, "faceid": FaceId(example="21")},
    optional={"new_group_name": GROUP, "pic": File(), "age": Age(example=10), "gender": GENDER, **ITEMS},
    codes=(204, 207, 208, 210, *NO_CARD),
    effect=Effect.WRITE,
    models=WITH_FACES,
    multipart=True,
    attributes=True,
)
GET_FACE = Endpoint(
    "face/getFace", "Get a face", {"faceid": FaceId(example="123456")}, reply=FACE, codes=(207, 211), models=WITH_FACES
)
GET_FACE_LIST = Endpoint(
    "face/getFaceList",
    "List the faces of a group",
    {"group_name": GROUP},
    optional=PAGE,
    reply={
        "total_num": NUMBER,
        "return_num": Count(of="faceid_list", aliases=("num",)),
        "faceid_list": ListOf(Record(FACE), aliases=("face_list",)),
    },
    codes=(204, 211, 273, 274),
    models=WITH_FACES,
)
GET_FACE_BY_ARRIVAL = Endpoint(
    "face/getFaceByArrival",
    "List the faces that were absent longest",
    {"group_name": GROUP},
    optional={"num": Int(1, 10, example=2)},
    reply={
        "return_num": Count(of="faceid_list", aliases=("num",)),
        "faceid_list": ListOf(Record(FACE), aliases=("face_list",)),
    },
    codes=(204, 207, 211),
    models=WITH_FACES,
)
GET_FACE_BY_PICTURE = Endpoint(
    "face/getFaceByPicture",
    "Find a face by a picture",
    {"pic": File()},
    reply=FACE,
    codes=(207, 210, 211, 280, 283),
    models=WITH_FACES,
    multipart=True,
)

GET_LIVE_STREAM = Endpoint(
    "media/getLiveStream",
    "Get the addresses of the live streams",
    reply={"hd_live_url": TEXT, "fhd_live_url": TEXT},
    codes=(232,),
)
GET_PLAYBACK_STREAM = Endpoint(
    "media/getPlaybackStream",
    "Get the address of a playback stream",
    PERIOD,
    reply={"playback_url": TEXT},
    codes=(230, 235),
)
GET_RECORD_LIST = Endpoint(
    "media/getRecordList",
    "List recordings",
    PERIOD,
    # The documents allow pages of 0.
    optional={"page_num": Int(1, example=1), "page_size": Int(1, 500, example=10)},
    reply={
        "total_num": NUMBER,
        "return_num": Count(of="record_list"),
        "record_list": ListOf(Record({**PERIOD, "url": TEXT})),
    },
    codes=(231, 234, 235),
)
GET_SNAPSHOT = Endpoint("media/getSnapshot", "Take a picture", reply={"snapshot_url": TEXT}, codes=(233,))
GET_CUR_VIDEOS = Endpoint(
    "media/getCurVideos",
    "Cut a clip around now",
    {
        "preceding": Choice({0: "0 s", 4: "4 s", 8: "8 s"}),
        "following": Choice({0: "0 s", 4: "4 s", 8: "8 s"}, example=8),
    },
    reply={"url": TEXT},
    codes=(236, 237),
)

SET_WIFI_CONF = Endpoint(
    "config/setWifiConf", "Set the Wi-Fi", WIFI, codes=(100, 101), effect=Effect.DANGER, disruptive=True
)
SET_WIFI_CONF_WITHOUT_AUTH = Endpoint(
    "config/setWifiConfWithoutAuth",
    "Set the Wi-Fi before activation",
    WIFI,
    codes=(100, 101),
    effect=Effect.DANGER,
    auth=Auth.NONE,
    disruptive=True,
)
GET_WIFI_CONF = Endpoint("config/getWifiConf", "Get the Wi-Fi", reply={"ssid": TEXT, "password": Text(secret=True)})
GET_AP_LIST = Endpoint("config/getApList", "List Wi-Fi networks", reply=NETWORKS)
GET_AP_LIST_WITHOUT_AUTH = Endpoint(
    "config/getApListWithoutAuth", "List Wi-Fi networks before activation", reply=NETWORKS, auth=Auth.NONE
)
GET_IP_CONFIGURATION = Endpoint(
    "config/getIpConfiguration",
    "Get the IP addresses",
    reply={"proto": IP_MODE, "ipaddr": TEXT, "netmask": TEXT, "gateway": TEXT, "dns1": TEXT, "dns2": TEXT},
)
SET_IP_CONFIGURATION = Endpoint(
    "config/setIpConfiguration",
    "Set the IP addresses",
    {"proto": IP_MODE},
    optional={
        "ipaddr": IPv4(example="192.168.1.110"),
        "netmask": IPv4(example="255.255.255.0"),
        "gateway": IPv4(example="192.168.1.100"),
        "dns1": IPv4(example="202.96.128.86"),
        "dns2": IPv4(example="202.96.134.166"),
    },
    effect=Effect.DANGER,
    disruptive=True,
    checks=(address_for_static,),
)
SET_ZOOM = Endpoint(
    "config/setZoom", "Set the zoom", {"zoom": Int(0, 500, example=200)}, codes=(110,), effect=Effect.WRITE
)
MANUAL_FOCUS = Endpoint(
    "config/manualFocus", "Set the focus", {"focus": Int(0, 780, example=200)}, codes=(111,), effect=Effect.WRITE
)
AUTO_FOCUS = Endpoint(
    "config/autoFocus",
    "Focus on a point",
    {"focus_x": Int(0, 100, unit="%", example=50), "focus_y": Int(0, 100, unit="%", example=50)},
    codes=(112,),
    effect=Effect.ACTION,
)
RESET_ZOOM_FOCUS = Endpoint("config/resetZoomFocus", "Zoom and focus as delivered", effect=Effect.ACTION)
GET_ZOOM_FOCUS_CONF = Endpoint(
    "config/getZoomFocusConf",
    "Get zoom and focus",
    reply={
        "max_zoom": NUMBER,
        "max_focus": NUMBER,
        "zoom": NUMBER,
        "focus": NUMBER,
        "focused_x": Int(aliases=("focus_x",)),
        "focused_y": Int(aliases=("focus_y",)),
    },
)
SET_IR_MODE = Endpoint("config/setIrMode", "Set night vision", IR_MODE, codes=(113,), effect=Effect.WRITE)
GET_IR_MODE = Endpoint("config/getIrMode", "Get night vision", reply=IR_MODE)
SET_DYNAMIC_DETECT = Endpoint(
    "config/setDynamicDetect",
    "Set the detection of motion and sound",
    # It may start later than it stops: a night.
    DETECTION,
    codes=(114, 115, 116, 117),
    effect=Effect.WRITE,
)
GET_DYNAMIC_DETECT = Endpoint("config/getDynamicDetect", "Get the detection of motion and sound", reply=DETECTION)
UPDATE_NAME = Endpoint(
    "config/updateName", "Set the name", {"name": Text(36, example="Camera1")}, codes=(118,), effect=Effect.WRITE
)
GET_NAME = Endpoint("config/getName", "Get the name", reply={"name": TEXT})
SET_LED_SWITCH = Endpoint("config/setLedSwitch", "Switch the LED", LED, codes=(119,), effect=Effect.WRITE)
GET_LED_SWITCH = Endpoint("config/getLedSwitch", "Get whether the LED is on", reply=LED)
SET_ROTATION = Endpoint(
    "config/setRotation",
    "Turn the picture",
    {"rotation": Int(0, 359, unit="°", example=180)},
    codes=(120,),
    effect=Effect.WRITE,
)
GET_ROTATION = Endpoint("config/getRotation", "Get how the picture is turned", reply={"rotation": NUMBER})
GET_ROTATION_ANGLES = Endpoint(
    "config/getRotationAngles", "List how the picture can be turned", reply={"angles": ListOf(NUMBER)}
)
FORMAT_MEMORY_CARD = Endpoint(
    "config/formatMemoryCard",
    "Format the SD card: recordings, faces and counts are lost",
    codes=(220, 221),
    effect=Effect.DANGER,
    disruptive=True,
)
GET_MEMORY_CARD_STATUS = Endpoint(
    "config/getMemoryCardStatus",
    "Get the state of the SD card",
    reply={"status": Choice({0: "unplugged", 1: "unformatted", 2: "working", 3: "unknown"})},
)
GET_AI_FACE_CONFIG = Endpoint(
    "config/getAiFaceConfig",
    "Get how faces are recognised",
    reply={**OPTIMIZE, "snap_size_thr": NUMBER},
    models=WITH_FACES,
)
SET_AI_FACE_CONFIG = Endpoint(
    "config/setAiFaceConfig",
    "Set how faces are recognised",
    OPTIMIZE,
    # What it answers is not what it keeps: the getter tells.
    reply=OPTIMIZE,
    effect=Effect.WRITE,
    models=WITH_FACES,
)

ACTIVATE = Endpoint(
    "device/activate",
    "Activate the camera: its groups and faces are lost",
    {"sn": Text(64, example="FS101D8BS00106")},
    codes=(4, 8, 9, 10, 11),
    effect=Effect.DANGER,
    auth=Auth.ACTIVATION_CODE,
    disruptive=True,
)
GET_INFO = Endpoint(
    "device/getInfo",
    "Get serial number, model and versions",
    reply={
        "sn": TEXT,
        "model_name": TEXT,
        "name": TEXT,
        "software_version": TEXT,
        "hardware_version": TEXT,
        "ip": TEXT,
        "mac": TEXT,
    },
)
RESET = Endpoint("device/reset", "Restore the factory settings: all is lost", effect=Effect.DANGER, disruptive=True)
REBOOT = Endpoint("device/reboot", "Restart the camera", effect=Effect.ACTION, disruptive=True)

ENDPOINTS: dict[str, Endpoint] = {row.path: row for row in tuple(vars().values()) if isinstance(row, Endpoint)}
"""Every row by its path."""
