"""Certificates on both sides of a camera's TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ipc_bridge.simulator import KeyType, SimulatedCamera, make_identity, shared_authority
from tests.e2e.harness import APP_ID, SECRET_KEY, Site, Subscriber, online, overview
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

PASSWORD = "the vendor's password"


async def face_arrives(hub: Subscriber, camera: SimulatedCamera) -> None:
    await online(hub, camera.sn)
    await camera.wait_for_subscriber()
    event_id = camera.emit_face()
    face = await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/face")
    assert face.json["event_id"] == event_id


@STORIES.tell
async def cameras_that_demand_the_vendors_certificate_get_it(site: Site) -> None:
    broker = await site.broker()
    authority = shared_authority()
    demanding = await site.camera("FS101D8BS00101", client_authority=authority.certificate)
    without = await site.camera("FS101D8BS00102", client_authority=authority.certificate)
    hub = await site.subscriber(broker.port)
    client = make_identity("openapi", issuer=authority)
    daemon = await site.daemon(
        broker,
        files={"openapi.p12": client.pkcs12(PASSWORD)},
        account={"certificate": "openapi.p12", "certificate_password": PASSWORD},
        cameras=[{"sn": without.sn, "host": without.host, "account": {"app_id": APP_ID, "secret_key": SECRET_KEY}}],
        homeassistant={"enabled": False},
    )
    await face_arrives(hub, demanding)
    # Its API wants the same one.
    info = f"ipc_bridge/camera/{demanding.sn}/info"
    assert (await hub.wait_for(info, lambda info: info.json["hardware"] is not None)).json["hardware"] == "1.0.0"
    await overview(hub, without.sn, "offline", reason="account.certificate")
    assert without.connects == 0
    assert PASSWORD not in daemon.log()


@STORIES.tell
async def a_site_with_an_authority_of_its_own_trusts_that_alone(site: Site) -> None:
    broker = await site.broker()
    authority = make_identity("The shop's own CA", authority=True)
    known = await site.camera("FS101D8BS00101", identity=make_identity("camera", issuer=authority))
    unknown = await site.camera("FS101D8BS00102", identity=make_identity("camera"))
    hub = await site.subscriber(broker.port)
    await site.daemon(
        broker,
        files={"ca.pem": authority.certificate},
        tls={"verify": "ca", "ca": "ca.pem"},
        homeassistant={"enabled": False},
    )
    await face_arrives(hub, known)
    await overview(hub, unknown.sn, "failed", reason="tls.ca")
    assert unknown.connects == 0


@STORIES.tell
async def a_weak_key_needs_to_be_allowed(site: Site) -> None:
    broker = await site.broker()
    old = await site.camera("FS101D8BS00101", identity=make_identity("camera", KeyType.WEAK))
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, homeassistant={"enabled": False})
    await overview(hub, old.sn, "failed", reason="tls.legacy")
    assert old.connects == 0
    await daemon.restart(site.config(broker, homeassistant={"enabled": False}, tls={"legacy": True}))
    await face_arrives(hub, old)


@STORIES.tell
async def trust_on_first_use_lasts_over_a_restart(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera("FS101D8BS00101")
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, homeassistant={"enabled": False})
    await face_arrives(hub, camera)
    assert await daemon.stop() == 0
    await camera.change_certificate()
    connects, since = camera.connects, hub.mark()
    await daemon.start()
    await overview(hub, camera.sn, "failed", since, reason="trust")
    assert camera.connects == connects
    # Unchecked only where the configuration says so.
    await daemon.restart(site.config(broker, homeassistant={"enabled": False}, tls={"verify": "off"}))
    await asyncio.gather(online(hub, camera.sn, since), camera.wait_for_subscriber())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("certificates"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_certificates(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
