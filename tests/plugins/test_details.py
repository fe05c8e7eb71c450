"""What the stories do not tell of the plugins that come with the bridge."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ipc_bridge.testing.bridge import BridgeUnderTest

VISIT = "ipc_bridge/plugin/visits/visit"


def visits(bridge: BridgeUnderTest, count: int) -> list[dict[str, Any]]:
    bridge._until(lambda: len(bridge.published(VISIT)) >= count, f"visit {count}")
    return bridge.published(VISIT)


def test_a_visit_that_is_history_is_marked(bridge: BridgeUnderTest, emit_face: Callable[..., Any]) -> None:
    bridge.enable("visits", gap=5)
    event = emit_face(face_id="00000001", late=True)
    arrived, left = visits(bridge, 2)
    assert (arrived["event_type"], arrived["late"], arrived["since"]) == ("arrived", True, event["time"])
    assert (left["event_type"], left["late"], left["until"]) == ("left", True, event["time"])


def test_a_restart_ends_no_visit(bridge: BridgeUnderTest, emit_face: Callable[..., Any]) -> None:
    bridge.enable("visits", gap=600)
    emit_face(face_id="00000001")
    visits(bridge, 1)
    bridge.settle()
    bridge.enable("visits", gap=600)
    assert bridge.published("ipc_bridge/plugin/visits/present")[-1] == {bridge.camera.sn: 1}
    emit_face(face_id="00000001")
    emit_face(face_id="00000002")
    assert [one["event_type"] for one in visits(bridge, 2)] == ["arrived", "arrived"]


def test_a_cooldown_survives_a_restart(bridge: BridgeUnderTest, emit_face: Callable[..., Any]) -> None:
    settings: dict[str, Any] = {"rules": [{"group": "vip", "text": "{face_id} {shoe}{time}"}]}
    topic = "ipc_bridge/plugin/vip_arrival/arrival"
    bridge.enable("vip_arrival", **settings)
    event = emit_face(face_id="00000001")
    assert bridge.wait_for(topic)["text"].startswith("00000001 ")
    bridge.settle()
    bridge.enable("vip_arrival", **settings)
    emit_face(face_id="00000001")
    emit_face(face_id="00000002")
    bridge.settle()
    assert [one["face_id"] for one in bridge.published(topic)] == ["00000001", "00000002"]
    assert bridge.published(topic)[0]["uid"] == event["uid"]


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """Answers 400 to whatever is posted."""

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_a_server_will_never_take_is_skipped(
    bridge: BridgeUnderTest, emit_motion: Callable[..., Any], server: ThreadingHTTPServer
) -> None:
    bridge.enable("webhook", url=f"http://127.0.0.1:{server.server_port}/", secret="12345678")
    emit_motion()
    bridge.settle()
    assert (bridge.plugin("webhook")["failures"], bridge.plugin("webhook")["skipped"]) == (2, 1)
    bridge.may_fail = True


def test_kinds_that_are_not_wanted_are_not_posted(bridge: BridgeUnderTest, emit_motion: Callable[..., Any]) -> None:
    # Nobody listens there: whatever were posted would wait for ever.
    bridge.enable("webhook", url="http://127.0.0.1:1/", secret="12345678", kinds=["face"], late=False)
    emit_motion()
    emit_motion(late=True)
    bridge.settle()
    assert bridge.plugin("webhook")["state"] == "running"


def test_an_order_without_a_text_is_refused(bridge: BridgeUnderTest) -> None:
    bridge.enable("notify", urls=["json://127.0.0.1:1/"])
    bridge.publish("ipc_bridge/plugin/notify/request/send", {"title": "x"})
    answer = bridge.wait_for("ipc_bridge/plugin/notify/response/send")
    assert (answer["error"]["kind"], answer["error"]["message"]) == ("invalid", "text is missing")
