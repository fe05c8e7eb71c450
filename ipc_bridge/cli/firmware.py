"""``firmware-card``: a camera whose firmware upgrade failed, repaired from a card."""

from __future__ import annotations

from pathlib import Path

import click

from ipc_bridge.cli.camera import explained
from ipc_bridge.cli.firmware_card import NAME, card_label, check_card, check_image, write_card

# The lamp tells how far it is. The times are the vendor's, and approximate.
STEPS = """\
Firmware for SS (FM010) and FS (FM020) cameras is not interchangeable: the image must be for this very model.

 1. Take the card out safely, and put it into the camera.
 2. Switch the camera off and on.
 3. After about 10 seconds the lamp turns red: the firmware is being written. Do not switch the camera off.
 4. After about a minute it turns green: the firmware is written, and the camera begins to reboot.
 5. It flashes green, or turns blue: the reboot is complete.
 6. Hold the reset key for more than 5 seconds: the camera goes back to factory settings. Its faces are lost.
 7. After the reboot set the camera up with the SUNMI app, as on its first day.
 8. Update it with the app, or on the vendor's store web site, to the newest firmware.
 9. Delete {name} from the card, or the camera may write it again one day.
"""


@click.command("firmware-card")
@click.option("--mac", required=True, metavar="MAC", help="The camera's MAC address; it is on its back.")
@click.option(
    "--image",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The firmware, unpacked, from SUNMI, for exactly this model.",
)
@click.option(
    "--card",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the card is mounted.",
)
def firmware_card(mac: str, image: Path, card: Path) -> None:
    """Make a card that repairs a camera whose firmware upgrade failed.

    The card must be formatted as exFAT, with the label SUNMI-XXXX, where XXXX are the last four digits of the MAC
    address. Nothing is formatted, and nothing on the card is written over. Firmware for SS (FM010) and FS (FM020)
    cameras is not interchangeable; the camera itself checks that it is signed.
    """
    with explained():
        label = card_label(mac)
        check_image(image)
        unseen = check_card(card, label)
        size = write_card(image, card)
    click.echo(f"{card / NAME}: {size} bytes, read back as written.")
    for what in unseen:
        click.echo(f"This machine does not tell {what}: look yourself.", err=True)
    click.echo(f"\n{STEPS.format(name=NAME)}", nl=False)
    click.echo(f"\nRemember step 9: {NAME} must not stay on the card.")
