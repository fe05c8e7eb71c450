"""What must be true of every row, of the cameras' table and of the cloud's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog import cloud, device
from ipc_bridge.catalog.codes import CLOUD_CODES, DEVICE_CODES
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.catalog.fields import File, encode
from ipc_bridge.errors import FileTooLargeError, ParameterError, ReplyError
from tests.catalog.values import LARGE_FILE, bad_values

CODES = [
    *((endpoint, DEVICE_CODES.keys()) for endpoint in device.ENDPOINTS.values()),
    *((endpoint, CLOUD_CODES.keys()) for endpoint in cloud.ENDPOINTS.values()),
]
ROWS = [endpoint for endpoint, _codes in CODES]
every_endpoint = pytest.mark.parametrize("endpoint", ROWS, ids=str)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(("endpoint", "codes"), CODES, ids=str)
def test_a_row_is_consistent(endpoint: Endpoint, codes: set[int]) -> None:
    assert not endpoint.params.keys() & endpoint.optional.keys()
    assert endpoint.fields.keys() >= endpoint.defaults.keys()
    assert endpoint.multipart == any(isinstance(field, File) for field in endpoint.fields.values())
    assert set(endpoint.codes) <= codes
    assert len(set(endpoint.codes)) == len(endpoint.codes)
    assert (endpoint.effect is Effect.READ) == bool(re.search(r"/(get|query|groupBy)", endpoint.path))
    assert not endpoint.title.endswith(".")
    assert endpoint.window is None or endpoint.params.keys() >= {"start_time", "end_time"}


# Requests.


@every_endpoint
def test_a_sample_is_fit_and_survives_a_form(endpoint: Endpoint) -> None:
    values = endpoint.check(endpoint.sample)
    assert values.keys() == endpoint.sample.keys() >= endpoint.params.keys()
    for name, value in values.items():
        if isinstance(value, bytes):
            assert endpoint.fields[name](value) == value
        else:
            assert endpoint.fields[name].decode(encode(value)) == value


@every_endpoint
def test_every_bad_value_is_refused_by_the_name_of_its_parameter(endpoint: Endpoint) -> None:
    for name, field in endpoint.fields.items():
        for value in bad_values(field):
            with pytest.raises(ParameterError, match=rf"(^|; ){name} may be ") as caught:
                endpoint.check({**endpoint.sample, name: value})
            assert isinstance(caught.value, FileTooLargeError) == (value is LARGE_FILE)
            assert len(str(caught.value)) < 1000


@every_endpoint
def test_missing_and_unknown_parameters(endpoint: Endpoint) -> None:
    for name in endpoint.params.keys() - endpoint.defaults.keys():
        with pytest.raises(ParameterError, match=rf"^{endpoint.path} needs {name}: "):
            endpoint.check({key: value for key, value in endpoint.sample.items() if key != name})
    with pytest.raises(ParameterError, match=rf'^{endpoint.path} takes .*, not "surplus'):
        endpoint.check({**endpoint.sample, **{f"surplus{number}": 1 for number in range(1000)}})


@given(st.sampled_from(ROWS), st.data())
def test_whatever_json_is_judged(endpoint: Endpoint, data: st.DataObject) -> None:
    params = data.draw(st.dictionaries(st.sampled_from([*endpoint.fields, "surplus"]), JSON))
    try:
        values = endpoint.check(params)
    except ParameterError:
        return
    assert values.keys() >= endpoint.params.keys()


# Replies.


@given(st.sampled_from(ROWS), st.data())
def test_whatever_is_answered(endpoint: Endpoint, data: st.DataObject) -> None:
    answer = data.draw(st.dictionaries(st.sampled_from([*endpoint.reply, "num", "face_list"]), JSON))
    try:
        read = endpoint.read(answer)
    except ReplyError:
        return
    assert read.keys() >= endpoint.reply.keys()
