"""What is history, and how a camera's wrong clock is told from an old event."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ipc_bridge.bridge.lateness import AGREEMENT, NOTEWORTHY, PERIODS_TO_AGREE, CameraClock, Lateness
from tests.bridge.samples import NOW, SN, StoppedClock, entry, motion_event

HOUR = 3600.0
MAX_AGE = 30.0


@pytest.mark.parametrize(
    ("reported_before", "waited", "late"),
    [
        (0, 0, False),
        (0, 29, False),
        (0, 31, True),
        (29, 0, False),
        (31, 0, True),
        (20, 9, False),
        (20, 11, True),
        (HOUR, 0, True),
        # Reported in the future, as far as the bridge can tell: no reason to wait longer for it.
        (-20, 29, False),
        (-20, 31, True),
        (-HOUR, 31, True),
    ],
)
def test_an_event_is_late_by_its_receipt_and_by_its_report(reported_before: float, waited: float, late: bool) -> None:
    clock = StoppedClock()
    lateness = Lateness(MAX_AGE, clock)
    one = entry(motion_event(time=NOW - reported_before), received_mono=clock.mono)
    clock.go_on(waited)
    assert lateness.is_late(one) is late


def test_the_bridges_wall_clock_may_jump() -> None:
    clock = StoppedClock()
    one = entry(motion_event(time=NOW), received_mono=clock.mono)
    clock.now += 10 * HOUR
    assert not Lateness(MAX_AGE, clock).is_late(one)


def test_what_waits_grows_old_also_while_the_bridges_wall_clock_is_set_back() -> None:
    clock = StoppedClock()
    lateness = Lateness(MAX_AGE, clock)
    one = entry(motion_event(time=NOW), received_mono=clock.mono)
    clock.go_on(MAX_AGE + 1)
    clock.now -= HOUR
    assert lateness.is_late(one)


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_wrong_clock_is_recognised_after_three_periods(offset: float, caplog: pytest.LogCaptureFixture) -> None:
    stopped = StoppedClock()
    lateness = Lateness(MAX_AGE, stopped)
    camera = lateness.camera(SN)
    one = entry(motion_event(time=NOW + offset))
    camera.channel_opened()
    for period in range(PERIODS_TO_AGREE):
        assert camera.offset == 0, period
        assert lateness.is_late(one) is (offset < 0)
        camera.heartbeat_answered()
        camera.observe(NOW + offset + period, NOW)
    assert camera.offset == pytest.approx(offset, abs=AGREEMENT)
    assert not lateness.is_late(one)
    assert lateness.camera(SN) is camera
    assert f"{abs(offset + 1):.0f} s {'ahead' if offset > 0 else 'behind'}" in caplog.text


def test_a_burst_of_old_events_in_one_period_is_no_wrong_clock() -> None:
    camera = CameraClock(SN)
    camera.heartbeat_answered()
    for _ in range(10):
        camera.observe(NOW - HOUR, NOW)
    assert camera.offset == 0


def test_what_comes_before_the_first_heartbeat_says_nothing() -> None:
    camera = CameraClock(SN)
    for _ in range(PERIODS_TO_AGREE + 1):
        camera.channel_opened()
        camera.observe(NOW - HOUR, NOW)
    assert camera.offset == 0


def test_old_events_of_different_age_are_no_wrong_clock() -> None:
    camera = CameraClock(SN)
    for age in (HOUR, HOUR + 4, HOUR + 8, HOUR + 12):
        camera.heartbeat_answered()
        camera.observe(NOW - age, NOW)
    assert camera.offset == 0


def test_the_api_shows_a_wrong_clock_at_once() -> None:
    camera = CameraClock(SN)
    camera.measured(-HOUR)
    assert camera.offset == 0
    camera.observe(NOW - HOUR + 2, NOW)
    assert camera.offset == camera.measured_offset == -HOUR


def test_what_the_camera_kept_a_little_longer_than_clocks_may_differ_is_not_its_clock() -> None:
    lateness = Lateness(NOTEWORTHY / 2, StoppedClock())
    # The API tells the time in whole seconds.
    lateness.camera(SN).measured(-0.5)
    kept = entry(motion_event(time=NOW - NOTEWORTHY - 0.2))
    lateness.observe(kept)
    assert lateness.camera(SN).offset == 0
    assert lateness.is_late(kept)


def test_an_old_event_is_not_taken_for_the_clock_that_the_api_shows() -> None:
    camera = CameraClock(SN)
    camera.measured(0.4)
    camera.heartbeat_answered()
    camera.observe(NOW - HOUR, NOW)
    assert camera.offset == 0


def test_a_clock_that_is_set_right_is_believed_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    camera = CameraClock(SN)
    camera.measured(HOUR)
    camera.observe(NOW + HOUR, NOW)
    assert camera.offset == HOUR
    for _ in range(PERIODS_TO_AGREE):
        camera.heartbeat_answered()
        camera.observe(NOW, NOW)
    assert camera.offset == 0
    assert "is right again" in caplog.text


def test_the_api_shows_that_it_is_right_again() -> None:
    camera = CameraClock(SN)
    camera.measured(HOUR)
    camera.observe(NOW + HOUR, NOW)
    camera.measured(0.0)
    camera.observe(NOW, NOW)
    assert camera.offset == 0


@pytest.mark.parametrize("offset", [0.0, NOTEWORTHY - 0.1, -NOTEWORTHY + 0.1])
def test_a_little_off_is_right(offset: float, caplog: pytest.LogCaptureFixture) -> None:
    camera = CameraClock(SN)
    camera.measured(offset)
    camera.observe(NOW + offset, NOW)
    assert camera.offset == 0
    assert not caplog.records


def test_a_steady_wrong_clock_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    camera = CameraClock(SN)
    camera.measured(HOUR)
    for second in range(4):
        camera.observe(NOW + HOUR + second, NOW)
    assert len(caplog.records) == 1


def test_each_camera_has_a_clock_of_its_own() -> None:
    lateness = Lateness(MAX_AGE, StoppedClock())
    lateness.camera("A").measured(-HOUR)
    lateness.camera("A").observe(NOW - HOUR, NOW)
    assert not lateness.is_late(entry(motion_event(1, "A", time=NOW - HOUR)))
    assert lateness.is_late(entry(motion_event(1, "B", time=NOW - HOUR)))


# The bridge's own clock.


@pytest.mark.parametrize(("ago", "uptime", "late"), [(20, 25, False), (40, 35, True), (20, 500, True), (-5, 10, True)])
def test_what_was_received_before_the_machine_started(ago: float, uptime: float, late: bool) -> None:
    clock = StoppedClock()
    clock.mono = uptime
    one = replace(entry(motion_event(time=NOW - ago, received_at=NOW - ago)), boot="the one before", received_mono=9e9)
    assert Lateness(MAX_AGE, clock).is_late(one) is late


def test_when_the_bridges_clock_is_set_a_cameras_known_offset_goes_with_it(caplog: pytest.LogCaptureFixture) -> None:
    # A Pi that starts an hour behind takes all cameras to be ahead, until it has asked for the time.
    clock = StoppedClock()
    lateness = Lateness(MAX_AGE, clock)
    camera = lateness.camera(SN)
    for _ in range(PERIODS_TO_AGREE):
        camera.heartbeat_answered()
        lateness.observe(entry(motion_event(time=clock.now + HOUR, received_at=clock.now)))
    assert camera.offset == HOUR
    clock.now += HOUR
    fresh = entry(motion_event(time=clock.now, received_at=clock.now), received_mono=clock.mono)
    lateness.observe(fresh)
    assert camera.offset == 0
    assert not lateness.is_late(fresh)
    old = entry(motion_event(time=clock.now - HOUR, received_at=clock.now), received_mono=clock.mono)
    assert lateness.is_late(old), "the past does not become the present by it"
    assert "The clock of this machine was set by 3600 s" in caplog.text


def test_when_the_bridges_clock_is_set_nothing_is_guessed_of_a_camera_that_is_not_known() -> None:
    clock = StoppedClock()
    lateness = Lateness(MAX_AGE, clock)
    lateness.camera(SN).measured(0.0)
    clock.now += HOUR
    late = entry(motion_event(time=clock.now - HOUR, received_at=clock.now), received_mono=clock.mono)
    lateness.observe(late)
    assert lateness.camera(SN).measured_offset == -HOUR
    unknown = Lateness(MAX_AGE, clock)
    unknown.camera(SN)
    clock.now -= HOUR
    unknown.observe(entry(motion_event(time=clock.now, received_at=clock.now)))
    assert unknown.camera(SN).offset == 0
