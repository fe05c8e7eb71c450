"""``faces``: many faces at once, to a camera and from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ipc_bridge.cli.camera import Host, MistakeError, Target, camera_options, connected, explained, find
from ipc_bridge.cli.face_export import export_faces
from ipc_bridge.cli.face_groups import ask_attributes, ask_groups
from ipc_bridge.cli.face_import import STATE_NAME, DoneFile, FaceImport, Report, find_pictures
from ipc_bridge.cli.face_table import CSV_NAME, Row, TableWriter, find_table, read_table
from ipc_bridge.cli.output import plain, progress_bar, show, table
from ipc_bridge.errors import ParameterError

SOME_REFUSED = 1

_group_option = click.option("--group", metavar="NAME", required=True, help="The group of faces.")


@click.group()
def faces() -> None:
    """Bring many faces to a camera, or from it."""


@faces.command("import")
@camera_options
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_group_option
@click.option(
    "--table",
    "table_path",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Who is on which picture.  [default: {CSV_NAME} or faces.yaml in DIRECTORY]",
)
@click.option("--create-attributes", is_flag=True, help="Let the group have the attributes that the table has.")
def import_faces(
    config_path: Path,
    sn: str,
    host: Host,
    directory: Path,
    group: str,
    table_path: Path | None,
    *,
    create_attributes: bool,
) -> None:
    """Add the JPEG and PNG pictures in DIRECTORY to a group of the camera SN.

    A table has a row for each picture: its name under `file`, and what the camera is to know under `faceid`, `age`,
    `gender`, and the names of the group's attributes. What is done is remembered beside the pictures: the same command
    goes on where it was interrupted, and does again what was refused. The exit status is 1 where something was.
    """
    target = find(config_path, sn, host)
    report = Report()
    try:
        with explained():
            pictures = find_pictures(directory)
            place = table_path or find_table(directory)
            rows = {} if place is None else read_table(place)
            asyncio.run(_import(target, group, pictures, rows, report, create=create_attributes))
    except (click.ClickException, KeyboardInterrupt):
        if report.added:
            _tell(report, group)
            click.echo(f"What is done is in {directory / STATE_NAME}: the same command goes on from there.", err=True)
        raise
    _tell(report, group)
    if report.refused:
        sys.exit(SOME_REFUSED)


async def _import(
    target: Target, group: str, pictures: Sequence[Path], rows: dict[str, Row], report: Report, *, create: bool
) -> None:
    with DoneFile(pictures[0].parent, target.config.sn, group) as done, progress_bar() as progress:
        async with connected(target) as api:
            work = FaceImport(api, group, done, report)
            await work.prepare(rows.values(), create=create)
            bar = progress.add_task(f"to group {group}", total=len(pictures))
            await work.run(pictures, rows, lambda: progress.advance(bar))


@faces.command("export")
@camera_options
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@_group_option
def export(config_path: Path, sn: str, host: Host, directory: Path, group: str) -> None:
    """Write the faces in a group of the camera SN to DIRECTORY: their pictures, and a table as `faces import` reads it.

    The exit status is 1 where a face has no picture.
    """
    target = find(config_path, sn, host)
    with explained():
        count, missing = asyncio.run(_export(target, group, directory))
    click.echo(f"{_faces(count)} of group {group} in {directory / CSV_NAME}.")
    if missing:
        click.echo(f"\n{_faces(len(missing))} without a picture:")
        _list(missing)
        sys.exit(SOME_REFUSED)


async def _export(target: Target, group: str, directory: Path) -> tuple[int, list[tuple[str, str]]]:
    async with connected(target) as api:
        if group not in (known := [each["name"] for each in await ask_groups(api)]):
            raise ParameterError(f"the camera has no group {group}: it has {', '.join(known) or 'none'}")
        attributes = await ask_attributes(api, group)
        with _new_table(directory, attributes) as writer, progress_bar() as progress:
            bar = progress.add_task(f"from group {group}", total=None)
            missing = await export_faces(
                api, group, directory, writer, lambda total: progress.update(bar, advance=1, total=total)
            )
            return writer.rows, missing


def _new_table(directory: Path, attributes: Sequence[str]) -> TableWriter:
    # Faces are nobody else's business.
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return TableWriter(directory / CSV_NAME, attributes)
    except FileExistsError as error:
        raise MistakeError(f"{directory / CSV_NAME} is there already: give another directory") from error


def _tell(report: Report, group: str) -> None:
    click.echo(
        f"{_faces(report.added)} added to group {group}, {report.known} there already, {len(report.refused)} refused."
    )
    if report.refused:
        click.echo()
        _list(report.refused)


def _list(problems: Sequence[tuple[str, str]]) -> None:
    rows = table()
    rows.add_column("File")
    rows.add_column("Why", overflow="fold")
    for file, reason in problems:
        rows.add_row(plain(file), plain(reason))
    show(rows)


def _faces(number: int) -> str:
    return f"{number} face" if number == 1 else f"{number} faces"
