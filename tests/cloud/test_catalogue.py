"""Every row of the cloud's table through the client and back: good values, bad ones, and periods of any length."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ipc_bridge.catalog import cloud as rows
from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.errors import ParameterError, RefusedError
from ipc_bridge.simulator.cloud import GroupType, SimulatedCloud
from tests.bridge.samples import StoppedClock
from tests.catalog.values import bad_values
from tests.cloud.rig import FREE, FREE_MAC, FRONT, SHOP

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=str)


def good_params(endpoint: Endpoint, cloud: SimulatedCloud) -> dict[str, Any]:
    """The row's sample with what this cloud knows: its shop, its camera, groups, faces, days that are over."""
    shop, camera = cloud.shop(SHOP), cloud.camera(FRONT)
    group = next(group for group in shop.groups.values() if group.name == "vip")
    strangers = next(iter(shop.groups))
    face = min(shop.faces_of(group), key=lambda face: face.face_id)
    now = int(cloud.state.now())
    yesterday = (date.fromtimestamp(now) - timedelta(1)).isoformat()  # noqa: DTZ012 - this machine's zone
    known: dict[str, Any] = {
        "sunmi_shop_no": SHOP,
        "sunmi_company_no": cloud.settings.company,
        "ipc_id": camera.ipc_id,
        "ipc_sn": camera.sn,
        "group_id": group.group_id,
        "source_group_id": group.group_id,
        "target_group_id": group.group_id,
        "face_id": face.face_id,
        "face_id_list": [face.face_id],
        "http_callback": "http://127.0.0.1:1/hook",
        "time": now - 60,
    }
    if "start_time" in endpoint.params:
        is_day = isinstance(endpoint.sample["start_time"], str)
        known |= {"start_time": yesterday if is_day else now - 3600, "end_time": yesterday if is_day else now}
    params = {name: known.get(name, value) for name, value in endpoint.sample.items()}
    match endpoint:
        case rows.BIND:
            params |= {"ipc_sn": FREE, "mac": FREE_MAC}
        case rows.DELETE_GROUP:
            params["group_id"] = shop.create_group(f"empty {len(shop.groups)}", GroupType.MEMBERS).group_id
        case rows.MOVE_FACES:
            params["target_group_id"] = strangers
        case rows.PLAYBACK_STOP:
            cloud.state.playbacks.add(params["client_id"])
    return params


@every_endpoint
async def test_good_values(endpoint: Endpoint, cloud: SimulatedCloud, api: CloudApi) -> None:
    params = good_params(endpoint, cloud)
    answer = endpoint.read(await api.call(endpoint, **params))
    assert cloud.calls[-1].path == endpoint.path
    assert cloud.calls[-1].code == 0
    sent = cloud.calls[-1].params.keys() | cloud.calls[-1].files.keys()
    assert sent >= {*params, "app_id", "timestamp", "random", "sign"}
    # What the documents promise is there, but for what the documents' own examples leave out.
    empty = {"description", *rows.KEYS, *rows.VALUES}
    assert all(answer[name] is not None for name in endpoint.reply.keys() - empty)


@every_endpoint
async def test_bad_values_are_never_sent(endpoint: Endpoint, cloud: SimulatedCloud, api: CloudApi) -> None:
    params = good_params(endpoint, cloud)
    for name, field in endpoint.fields.items():
        for value in bad_values(field):
            with pytest.raises(ParameterError, match=f"{name} may be "):
                await api.call(endpoint, **{**params, name: value})
    for name in endpoint.params.keys() - endpoint.defaults.keys():
        with pytest.raises(ParameterError, match=f"needs {name}"):
            await api.call(endpoint, **{key: value for key, value in params.items() if key != name})
    assert cloud.calls == []


@every_endpoint
async def test_the_documented_codes_come_back(endpoint: Endpoint, cloud: SimulatedCloud, api: CloudApi) -> None:
    # What a group has is asked for before it is changed.
    path = rows.GET_GROUP.path if endpoint is rows.UPDATE_GROUP else endpoint.path
    params = good_params(endpoint, cloud)
    for code in (*endpoint.codes, 5999):
        cloud.refuse(code)
        with pytest.raises(RefusedError, match=rf"^{path} in the cloud answered code {code}") as caught:
            await api.call(endpoint, **params)
        assert (caught.value.code, caught.value.name) == (code, None)


WINDOWS = [endpoint for endpoint in ENDPOINTS.values() if endpoint.window is not None and endpoint.window.enforced]


@pytest.mark.parametrize("endpoint", WINDOWS, ids=str)
async def test_periods_at_their_limits_and_beyond(
    endpoint: Endpoint, cloud: SimulatedCloud, api: CloudApi, clock: StoppedClock
) -> None:
    assert endpoint.window is not None
    params = good_params(endpoint, cloud)
    if isinstance(params["start_time"], int):
        longest, beyond = params["end_time"] - 3600, params["end_time"] - 3601
    else:
        days = {"24 hours": 1, "30 days": 30, "12 weeks": 84, "12 months": 365}[str(endpoint.window)]
        yesterday = date.fromisoformat(params["end_time"])
        longest, beyond = ((yesterday - timedelta(back)).isoformat() for back in (days - 1, days))
    await api.call(endpoint, **{**params, "start_time": longest})
    assert len(cloud.calls) == 1
    if endpoint.window.merge is None:
        with pytest.raises(ParameterError, match=f"at most {endpoint.window} after start_time"):
            await api.call(endpoint, **{**params, "start_time": beyond})
        assert len(cloud.calls) == 1
    else:
        await api.call(endpoint, **{**params, "start_time": beyond})
        assert [call.code for call in cloud.calls] == [0, 0, 0]
    with pytest.raises(ParameterError, match="end_time may not be before start_time"):
        await api.call(endpoint, **{**params, "end_time": beyond, "start_time": longest})
