"""The vendor's error codes: the cameras' with the names of its table (class ``RpcErrorCode``), and the cloud's."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Code(NamedTuple):
    """One error code: the vendor's name for it, and what it means in a few words."""

    name: str
    meaning: str


DEVICE_CODES: dict[int, Code] = {
    0: Code("SUCCESS", "success"),
    1: Code("APPID_INVALID", "app_id is not valid"),
    2: Code("PARAMS_INVALID", "an input parameter is not valid"),
    3: Code("UNKNOWN", "unknown error"),
    4: Code("DEVICE_NOT_ONLINE", "the camera to be activated has no Internet access"),
    5: Code("SECRET_KEY_INVALID", "app_id or secret key is wrong (bad signature)"),
    6: Code("URL_NOT_FOUND", "URL is wrong"),
    7: Code("DEVICE_NOT_ACTIVATED", "camera is not activated"),
    8: Code("DEVICE_ACTIVATE_FAILED", "activation failed"),
    9: Code("DEVICE_ACTIVATED", "camera is already activated, nothing to do"),
    10: Code("DEVICE_BINDED", "camera is already bound, activation failed"),
    11: Code("SN_DISMATCH", "serial number is wrong, activation failed"),
    12: Code("OP_NOT_ALLOWED", "operation not allowed"),
    13: Code("OP_NOT_SUPPORT", "operation not supported"),
    100: Code("WIRELESS_SSID_INVALID", "SSID breaks the rules"),
    101: Code("WIRELESS_PASSWORD_INVALID", "password is not valid"),
    110: Code("LENS_ZOOM_PARAM_INVALID", "zoom out of range"),
    111: Code("LENS_FOCUS_PARAM_INVALID", "focus out of range"),
    112: Code("LENS_AUTOFOCUS_PARAM_INVALID", "percentage for automatic focus is wrong"),
    113: Code("LENS_IRMODE_PARAM_INVALID", "night mode value is not valid"),
    114: Code("DETECT_MOTION_LEVEL_INVALID", "motion level is not valid"),
    115: Code("DETECT_AUDIO_LEVEL_INVALID", "sound level is not valid"),
    116: Code("DETECT_WEEKDAY_INVALID", "weekday mask is not valid"),
    117: Code("DETECT_TIME_PERIOD_INVALID", "start or stop time is not valid"),
    118: Code("CAM_INFO_NAME_INVALID", "name is too long"),
    119: Code("CAM_INFO_LED_INVALID", "LED value is wrong"),
    120: Code("CAM_INFO_ROTATION_INVALID", "rotation is not valid"),
    121: Code("CAM_INFO_VIDEO_NOT_EXIST", "no video in the period"),
    122: Code("CAM_PAGE_NOT_EXIST", "no such page"),
    200: Code("GROUP_NAME_EXISTED", "a group of that name exists"),
    201: Code("GROUP_NAME_INVALID", "group name is not valid"),
    202: Code("GROUP_CAPACITY_INVALID", "capacity out of range"),
    203: Code("GROUP_ID_INVALID", "no such group ID"),
    204: Code("GROUP_NOT_EXIST", "no such group"),
    205: Code("GROUP_NOT_EMPTY", "group still has faces, delete them first"),
    206: Code("FACE_ID_EXISTED", "a face with that ID exists"),
    207: Code("FACE_ID_NOT_EXIST", "no such face ID"),
    208: Code("GROUP_OVERFLOW", "group is full"),
    209: Code("FACE_ID_OP_NOT_ALLOWED", "operation on this face ID not allowed"),
    210: Code("FACE_ID_PIC_NOT_QUALIFIED", "picture is not good enough"),
    211: Code("FACE_SERVICE_NOT_RUNNING", "face service is not running"),
    212: Code("GROUP_DESCRIPTION_INVALID", "description is not valid"),
    220: Code("SDCARD_NOT_PLUGGED", "no SD card"),
    221: Code("SDCARD_FORMAT_FAILED", "formatting failed for an unknown reason"),
    230: Code("PLAYBACK_TIME_INVALID", "playback time is wrong"),
    231: Code("RECORD_TIME_INVALID", "time of the recording query is wrong"),
    232: Code("RTSP_NOT_RUNNING", "RTSP service is not running"),
    233: Code("SNAPSHOT_FAILED", "snapshot failed"),
    234: Code("RECORD_PAGE_INVALID", "page of the recording query is wrong"),
    235: Code("RECORD_NOT_EXIST", "no such recording"),
    236: Code("CLIP_FRAGMENT_NOT_READY", "clip is not ready yet"),
    237: Code("CLIP_SERVICE_NOT_RUNNING", "clip service is not running"),
    240: Code("ATTRIBUTE_NAME_INVALID", "attribute name is not valid"),
    241: Code("ATTRIBUTE_NAME_EXISTED", "an attribute of that name exists"),
    242: Code("ATTRIBUTE_NUM_EXCEED", "too many attributes"),
    243: Code("ATTRIBUTE_NAME_NOT_EXISTED", "no such attribute"),
    260: Code("PARAMS_START_X_INVALID", "x of the left end of the door line out of range"),
    261: Code("PARAMS_START_Y_INVALID", "y of the left end of the door line out of range"),
    262: Code("PARAMS_END_X_INVALID", "x of the right end of the door line out of range"),
    263: Code("PARAMS_END_Y_INVALID", "y of the right end of the door line out of range"),
    264: Code("PARAMS_RESOLUTION_INVALID", "resolution out of range"),
    265: Code("PARAMS_PERIOD_INVALID", "granularity of the statistics out of range"),
    266: Code("PARAMS_START_TIME_INVALID", "start time is wrong (Unix time needed)"),
    267: Code("PARAMS_END_TIME_INVALID", "end time is wrong (Unix time needed)"),
    268: Code("PARAMS_ORDER_INVALID", "query parameter order is wrong"),
    269: Code("PARAMS_GROUP_NAME_INVALID", "query parameter group_name is wrong"),
    270: Code("PARAMS_GENDER_INVALID", "query parameter gender is wrong"),
    271: Code("PARAMS_AGE_INVALID", "query parameter age is wrong"),
    272: Code("PARAMS_AGE_RANGE_INVALID", "query parameter age_range is wrong"),
    273: Code("PARAMS_PAGE_NUM_INVALID", "query parameter page_num is wrong"),
    274: Code("PARAMS_PAGE_SIZE_INVALID", "query parameter page_size is wrong"),
    275: Code("PARAMS_FACE_ID_INVALID", "query parameter faceid is wrong"),
    276: Code("PARAMS_X_DISTANCE_INVALID", "right x minus left x of the door line is below 100"),
    277: Code("PARAMS_JSON_TABLE_INVALID", "parameters do not form a proper JSON table"),
    278: Code("SET_CONFIG_FAIL", "saving the settings failed"),
    279: Code("GET_CONFIG_FAIL", "reading the settings failed"),
    280: Code("FACE_ID_INFO_NO_FOUND", "no face information in the database"),
    281: Code("TIMEZONE_INVALID", "time zone is not valid"),
    282: Code("INVALID_HUMAN_DETECTION_PARAM", "human detection parameter is not valid"),
    283: Code("FACE_ID_PIC_NO_FEATURE", "no face features could be taken from the picture"),
    284: Code(
        "USER_DEFINED_ATTRIBUTE_NOT_EXIST", "custom attribute in the query is wrong (by its name: does not exist)"
    ),
    285: Code("INVALID_USER_DEFINED_ATTRIBUTE_TYPE", "custom attribute value in the query has the wrong type"),
    310: Code("SUBSCRIBE_EVENT_NOT_EXIST", "no such event"),
    311: Code("INVALID_HTTP_CALLBACK_URL", "callback URL is not valid"),
}


class Category(enum.Enum):
    """What a code of the cloud is about: it has several for the same thing."""

    GENERAL = "general"
    SERVER = "server"
    """Ask again later."""
    ACCOUNT = "account"
    REQUEST = "request"
    DATA = "data"
    """There is nothing of what was asked for."""
    CAMERA = "camera"
    CONFLICT = "conflict"
    FACES = "faces"


class CloudCode(NamedTuple):
    """One error code of the cloud; the vendor gives them no names."""

    category: Category
    meaning: str


CLOUD_CODES: dict[int, CloudCode] = {
    0: CloudCode(Category.GENERAL, "success"),
    1: CloudCode(Category.GENERAL, "shown once beside an answer that is whole; its meaning is not given"),
    5000: CloudCode(Category.SERVER, "database error"),
    5011: CloudCode(Category.CAMERA, "communication with the camera failed"),
    5013: CloudCode(Category.DATA, "no data found"),
    5020: CloudCode(Category.REQUEST, "invalid parameter"),
    5021: CloudCode(Category.REQUEST, "invalid parameter, time span too long"),
    5025: CloudCode(Category.REQUEST, "time parameter wrong"),
    5041: CloudCode(Category.REQUEST, "no shop_id found in the request"),
    5079: CloudCode(Category.REQUEST, "MAC address is not valid"),
    5087: CloudCode(Category.DATA, "no matching data"),
    5088: CloudCode(Category.SERVER, "database error"),
    # These two stand in the vendor's documents of other devices in the same cloud.
    5090: CloudCode(Category.ACCOUNT, "the signature is wrong"),
    5091: CloudCode(Category.ACCOUNT, "the timestamp is too old"),
    5501: CloudCode(Category.CAMERA, "camera does not exist"),
    5506: CloudCode(Category.DATA, "data not found"),
    5509: CloudCode(Category.CONFLICT, "it is in use"),
    5510: CloudCode(Category.CAMERA, "camera is not bound"),
    5515: CloudCode(Category.CAMERA, "time limit for the snapshot exceeded"),
    5518: CloudCode(Category.FACES, "group could not be created"),
    5520: CloudCode(Category.FACES, "largest number of groups or largest face capacity reached"),
    5521: CloudCode(Category.FACES, "face is not in the given group"),
    5522: CloudCode(Category.FACES, "group does not exist"),
    5523: CloudCode(Category.FACES, "group exists already"),
    5524: CloudCode(Category.FACES, "default group cannot be deleted"),
    5525: CloudCode(Category.FACES, "default group cannot be changed"),
}

MEANINGS_BY_ENDPOINT: dict[tuple[str, int], str] = {
    ("device/ipc/getListByCompany", 5041): "something is wrong with the binding",
    ("device/ipc/updateName", 5506): "camera not found in the database",
    ("face/group/delete", 5509): "group is not empty",
    ("device/ipc/bind", 5509): "camera is already bound",
}
"""What a code of the cloud means in the answer to one call, where that is something else."""


SUCCESS = 0
APP_ID_INVALID = 1
SECRET_KEY_INVALID = 5
URL_NOT_FOUND = 6
DEVICE_NOT_ACTIVATED = 7
DEVICE_ACTIVATED = 9
OP_NOT_ALLOWED = 12
OP_NOT_SUPPORT = 13
RECORD_NOT_EXIST = 235
CLIP_FRAGMENT_NOT_READY = 236
FACE_ID_INFO_NO_FOUND = 280
SUBSCRIBE_EVENT_NOT_EXIST = 310
INVALID_HTTP_CALLBACK_URL = 311
"""The codes of cameras that this program acts upon; 0 is success in the cloud, too."""


def explain(code: int) -> str:
    """``code`` with its name and meaning, for messages."""
    known = DEVICE_CODES.get(code)
    return (
        f"code {code} ({known.name}: {known.meaning})" if known else f"code {code}, which the vendor does not document"
    )


def cloud_meaning(path: str, code: int) -> str | None:
    """What ``code`` of the cloud means in the answer to the call ``path``; None for one that is not documented."""
    known = CLOUD_CODES.get(code)
    return MEANINGS_BY_ENDPOINT.get((path, code)) or (known.meaning if known else None)


def explain_cloud(path: str, code: int) -> str:
    """``code`` with its meaning in the answer to the call ``path``, for messages."""
    meaning = cloud_meaning(path, code)
    return f"code {code} ({meaning})" if meaning else f"code {code}, which the vendor does not document"
