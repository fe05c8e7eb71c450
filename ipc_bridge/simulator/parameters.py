"""A call's parameters: the text of its form as values, judged by the catalogue's fields."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import Field, File
from ipc_bridge.simulator.forms import Form
from ipc_bridge.simulator.portraits import is_whole
from ipc_bridge.simulator.refusals import Code, RefusalError

PUBLIC = frozenset({"app_id", "timestamp", "random", "sign"})

_ATTRIBUTES = "attributes"
_ATTRIBUTE_FIELDS = frozenset({_ATTRIBUTES, *(f"item{place}" for place in range(1, 6))})

_CODES: dict[str, tuple[Code, ...]] = {
    "ssid": (Code.WIRELESS_SSID_INVALID,),
    "password": (Code.WIRELESS_PASSWORD_INVALID,),
    "zoom": (Code.LENS_ZOOM_PARAM_INVALID,),
    "focus": (Code.LENS_FOCUS_PARAM_INVALID,),
    "focus_x": (Code.LENS_AUTOFOCUS_PARAM_INVALID,),
    "focus_y": (Code.LENS_AUTOFOCUS_PARAM_INVALID,),
    "irmode": (Code.LENS_IRMODE_PARAM_INVALID,),
    "motion_level": (Code.DETECT_MOTION_LEVEL_INVALID,),
    "audio_level": (Code.DETECT_AUDIO_LEVEL_INVALID,),
    "weekday": (Code.DETECT_WEEKDAY_INVALID,),
    "stop_time": (Code.DETECT_TIME_PERIOD_INVALID,),
    "start_time": (
        Code.DETECT_TIME_PERIOD_INVALID,
        Code.PLAYBACK_TIME_INVALID,
        Code.RECORD_TIME_INVALID,
        Code.PARAMS_START_TIME_INVALID,
    ),
    "end_time": (Code.PLAYBACK_TIME_INVALID, Code.RECORD_TIME_INVALID, Code.PARAMS_END_TIME_INVALID),
    "name": (Code.CAM_INFO_NAME_INVALID, Code.GROUP_NAME_INVALID),
    "led_switch": (Code.CAM_INFO_LED_INVALID,),
    "rotation": (Code.CAM_INFO_ROTATION_INVALID,),
    "capacity": (Code.GROUP_CAPACITY_INVALID,),
    "description": (Code.GROUP_DESCRIPTION_INVALID,),
    "name_list": (Code.ATTRIBUTE_NAME_INVALID,),
    "pic": (Code.FACE_ID_PIC_NOT_QUALIFIED,),
    "resolution": (Code.PARAMS_RESOLUTION_INVALID,),
    "start_x": (Code.PARAMS_START_X_INVALID,),
    "start_y": (Code.PARAMS_START_Y_INVALID,),
    "end_x": (Code.PARAMS_END_X_INVALID,),
    "end_y": (Code.PARAMS_END_Y_INVALID,),
    "period": (Code.PARAMS_PERIOD_INVALID,),
    "order": (Code.PARAMS_ORDER_INVALID,),
    "group_name": (Code.PARAMS_GROUP_NAME_INVALID,),
    "gender": (Code.PARAMS_GENDER_INVALID,),
    "age": (Code.PARAMS_AGE_INVALID,),
    "age_range": (Code.PARAMS_AGE_RANGE_INVALID,),
    "page_num": (Code.RECORD_PAGE_INVALID, Code.PARAMS_PAGE_NUM_INVALID),
    "page_size": (Code.RECORD_PAGE_INVALID, Code.PARAMS_PAGE_SIZE_INVALID),
    "faceid": (Code.PARAMS_FACE_ID_INVALID,),
    "event_list": (Code.SUBSCRIBE_EVENT_NOT_EXIST,),
    "http_callback": (Code.INVALID_HTTP_CALLBACK_URL,),
}
"""Codes that say which parameter is wrong, each where the call lists it; otherwise it is 2."""


def read_parameters(endpoint: Endpoint, form: Form) -> dict[str, Any]:
    """Return the private parameters of a call as its handler takes them.

    Attributes of a group are sent as parameters under their names or places; here they are one: ``attributes``.

    Raises:
        RefusalError: one is missing, unknown or unfit.
    """
    fields = {name: field for name, field in endpoint.fields.items() if name not in _ATTRIBUTE_FIELDS}
    given = (form.texts.keys() | form.files.keys()) - PUBLIC
    for name in endpoint.params:
        if name not in given:
            raise refusal(endpoint, name)
    values: dict[str, Any] = {}
    if _ATTRIBUTES in endpoint.fields:
        values[_ATTRIBUTES] = {name: text for name, text in form.texts.items() if name in given - fields.keys()}
        given -= values[_ATTRIBUTES].keys()
    if not given <= fields.keys():
        raise RefusalError(Code.PARAMS_INVALID)
    for name, field in fields.items():
        if name in given:
            try:
                values[name] = decode(field, name, form)
            except vol.Invalid as error:
                raise refusal(endpoint, name) from error
    return values


def refusal(endpoint: Endpoint, name: str) -> RefusalError:
    """What a call answers where the parameter ``name`` is wrong."""
    return RefusalError(next((code for code in _CODES.get(name, ()) if code in endpoint.codes), Code.PARAMS_INVALID))


def decode(field: Field, name: str, form: Form) -> Any:
    """Return the value of one parameter.

    Raises:
        voluptuous.Invalid: it is unfit.
    """
    if isinstance(field, File):
        upload = form.files.get(name)
        if upload is None or not is_whole(upload.content):
            raise vol.Invalid(field.expected)
        return field(upload.content)
    if name in form.files:
        raise vol.Invalid(field.expected)
    text = form.texts[name]
    value = field.decode(text)
    # A camera reads digits, not JSON with blanks around it.
    if isinstance(value, int) and str(value) != text:
        raise vol.Invalid(field.expected)
    return value
