"""The camera's HTTPS endpoints: a row each. Documented in the vendor's device API."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Auth(enum.Enum):
    """What a call is signed with."""

    ACCOUNT = "account"
    ACTIVATION_CODE = "activation_code"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call, POST ``/openapi/<path>``; ``params`` are the names of its own parameters."""

    path: str
    params: tuple[str, ...] = ()
    auth: Auth = Auth.ACCOUNT


GET_INFO = Endpoint("device/getInfo")
GET_LIVE_STREAM = Endpoint("media/getLiveStream")
ACTIVATE = Endpoint("device/activate", params=("sn",), auth=Auth.ACTIVATION_CODE)

SUCCESS = 0
APP_ID_INVALID = 1
SECRET_KEY_INVALID = 5
URL_NOT_FOUND = 6
DEVICE_NOT_ACTIVATED = 7
DEVICE_ACTIVATED = 9
SUBSCRIBE_EVENT_NOT_EXIST = 310
