"""How podman and docker are asked; that they do it is shown by the end-to-end tests."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.engine.executor import Command
from mlplat.engine.images import created, pack, qualified
from mlplat.engine.volumes import Mount
from mlplat.errors import EngineError
from tests.unit.engine.conftest import Run
from tests.unit.engine.manifests import workflow


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
    assert words()[-6:] == ["--entrypoint", "python3", "--", "python:3.11", "-c", "pass"]
    assert words(own_program=False)[-5:] == ["--", "python:3.11", "python3", "-c", "pass"]
    assert "--entrypoint" not in words(own_program=False)


def test_values_of_variables_stand_in_no_command_line() -> None:
    hidden = {"PASSWORD": "secret", "SSH_PRIVATE_KEY": "secret", "DOCKER_PASSWORD": "secret"}
    read = {
        "PATH": "/opt/bin",
        "https_proxy": "http://a",
        "CONTAINERS_STORAGE_CONF": "/b",
        "_CONTAINERS_X": "1",
    }
    made, passed = created("c", command(environment={**hidden, **read}))
    assert not any("secret" in word for word in made)
    assert passed == hidden
    assert {*hidden, *(f"{name}={value}" for name, value in read.items())} <= set(made)


def test_volumes_users_folders_and_policies_are_options() -> None:
    made = words(
        mounts={"/data": Mount(Path('/runs/a,b "c"'))}, user="1000:0", directory="/work", pull="IfNotPresent"
    )
    assert made[made.index("--mount") + 1] == 'type=bind,"source=/runs/a,b ""c""",target=/data'
    assert made[made.index("--user") + 1] == "1000:0"
    assert made[made.index("--workdir") + 1] == "/work"
    assert made[made.index("--pull") + 1] == "missing"


def test_a_volume_that_may_only_be_read_is_mounted_so() -> None:
    made = words(mounts={"/conf": Mount(Path("/runs/conf"), read_only=True)})
    assert made[made.index("--mount") + 1] == "type=bind,source=/runs/conf,target=/conf,readonly"


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


def test_a_program_that_does_not_answer_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="MLP605: docker: it does not respond: Cannot connect"):
        engine.ImageExecutor("docker")
    with pytest.raises(EngineError, match="MLP605: podman: it is not on PATH"):
        engine.ImageExecutor("podman")


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
        started = await engine.ImageExecutor("podman").start(command(root=root, log=tmp_path / "log"))
        exit_ = await started.wait()
        return exit_.code, exit_.message

    assert asyncio.run(ended()) == (64, "Error: no such container")


@pytest.fixture
def container_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a program called docker takes for the root of every container."""
    root = tmp_path / "container"
    root.mkdir()
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nif [ $1 = cp ] && [ $2 = --follow-link ]; then cp -RP {root}${{3#*:}} $4; fi\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return root


def test_links_of_a_container_lead_nowhere_on_this_machine(
    run: Run, container_of: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of this machine")
    (container_of / "link").symlink_to(secret)
    (container_of / "folder").symlink_to(tmp_path)
    container = {
        "image": "i",
        "command": ["sh"],
        "volumeMounts": [{"name": "claim", "mountPath": "/claim"}],
    }
    claim = tmp_path / "home/volumes/claim"
    claim.mkdir(parents=True)
    (claim / "link").symlink_to(secret)
    places = ["/link", "/folder", "/folder/secret", "/claim/link"]
    outputs = {
        "parameters": [
            {"name": f"p{number}", "valueFrom": {"path": path, "default": "none"}}
            for number, path in enumerate(places)
        ],
        "artifacts": [
            {"name": f"a{number}", "path": path, "optional": True, "archive": {"none": {}}}
            for number, path in enumerate(places)
        ],
    }
    template = {"name": "main", "container": container, "outputs": outputs}
    volume = {"name": "claim", "persistentVolumeClaim": {"claimName": "claim"}}
    done = run(workflow(template, volumes=[volume]), executor=engine.ImageExecutor("docker"))
    (node,) = done["status"]["nodes"].values()
    assert {one["value"] for one in node["outputs"]["parameters"]} == {"none"}
    assert "artifacts" not in node["outputs"]
    assert secret.read_text() == "of this machine"


def test_a_stop_while_an_image_is_pulled_starts_no_container(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/asked\n[ $1 != create ] || exec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    template = {
        "name": "main",
        "container": {"image": "i", "command": ["sh"]},
        "activeDeadlineSeconds": 1,
    }
    done = run(workflow(template), executor=engine.ImageExecutor("docker"))
    assert done["status"]["phase"] == "Failed"
    assert (tmp_path / "asked").read_text().split() == ["ps", "create", "rm"]


def test_a_command_that_no_program_can_be_given_fails_its_task(
    run: Run, container_of: Path, tmp_path: Path
) -> None:
    del container_of
    template = {"name": "main", "container": {"image": "i", "command": ["a\0b"]}}
    done = run(workflow(template), executor=engine.ImageExecutor("docker"))
    assert "null byte" in done["status"]["nodes"]["wf"]["message"]
