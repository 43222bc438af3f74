"""How podman and docker are asked; that they do it is shown by the end-to-end tests."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlplat import local
from mlplat.errors import EngineError
from mlplat.local.images import created, pack, qualified
from mlplat.local.process import Command


def command(**fields: Any) -> Command:
    given: dict[str, Any] = {
        "arguments": ["python3", "-c", "pass"],
        "environment": {},
        "root": Path("/runs/a/root"),
        "directory": "",
        "log": Path("/runs/a.log"),
        "capture": False,
        "image": "python:3.11",
    }
    return Command(**{**given, **fields})


def words(**fields: Any) -> list[str]:
    return created("c", command(**fields))[0]


def test_the_command_takes_the_place_of_the_images_own() -> None:
    assert words()[-5:] == ["--entrypoint", "python3", "python:3.11", "-c", "pass"]
    assert words(own_program=False)[-4:] == ["python:3.11", "python3", "-c", "pass"]
    assert "--entrypoint" not in words(own_program=False)


def test_values_of_variables_stand_in_no_command_line() -> None:
    made, passed = created(
        "c", command(environment={"PASSWORD": "secret", "PATH": "/opt/bin", "HOME": "/root"})
    )
    assert not any("secret" in word for word in made)
    assert passed == {"PASSWORD": "secret"}
    assert {"PATH=/opt/bin", "HOME=/root", "PASSWORD"} <= set(made)


def test_volumes_users_folders_and_policies_are_options() -> None:
    made = words(
        mounts={"/data": Path('/runs/a,b "c"')}, user="1000:0", directory="/work", pull="IfNotPresent"
    )
    assert made[made.index("--mount") + 1] == 'type=bind,"source=/runs/a,b ""c""",target=/data'
    assert made[made.index("--user") + 1] == "1000:0"
    assert made[made.index("--workdir") + 1] == "/work"
    assert made[made.index("--pull") + 1] == "missing"


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("python:3.11", "docker.io/library/python:3.11"),
        ("bitnami/spark", "docker.io/bitnami/spark"),
        ("localhost/mine", "localhost/mine"),
        ("localhost:5000/mine", "localhost:5000/mine"),
        ("quay.io/a/b@sha256:00", "quay.io/a/b@sha256:00"),
    ],
)
def test_names_of_images_are_read_as_kubernetes_does(image: str, full: str) -> None:
    assert qualified(image) == full


def test_a_program_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="MLP605: docker: it does not answer: Cannot connect"):
        local.ImageExecutor("docker")
    with pytest.raises(EngineError, match="MLP605: podman: it is not on PATH"):
        local.ImageExecutor("podman")


def test_an_archive_ends_where_podman_stops_reading(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"a" * 700)
    (tmp_path / "file").chmod(0o600)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "again").hardlink_to(tmp_path / "file")
    archive = io.BytesIO()
    pack([tmp_path / name for name in ("folder", "link", "again", "file")], tmp_path, archive)
    written = archive.tell()
    archive.seek(0)
    with tarfile.open(fileobj=archive) as read:
        folder, link, again, file = read
        assert (folder.mode & 0o777, again.mode & 0o777, again.uid) == (0o777, 0o644, 0)
        assert (link.linkname, file.linkname) == ("file", "again")
        content = read.extractfile(file)
        assert content
        assert content.read() == b"a" * 700
    assert written == file.offset_data + 2 * tarfile.BLOCKSIZE


def test_a_container_that_takes_no_files_fails_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/podman"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n[ $1 != cp ] || { echo 'Error: no such container' >&2; exit 125; }\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    root = tmp_path / "task/root"
    root.mkdir(parents=True)
    (root / "input").write_bytes(bytes(1_000_000))

    async def ended() -> tuple[int, str]:
        started = await local.ImageExecutor("podman").start(command(root=root, log=tmp_path / "log"))
        exit_ = await started.wait()
        return exit_.code, exit_.message

    assert asyncio.run(ended()) == (64, "Error: no such container")
