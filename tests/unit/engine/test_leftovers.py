"""What a task leaves that is no plain file: pipes, devices, sockets, links, files without end."""

from __future__ import annotations

import gzip
import os
import socket
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlplat.engine import archives, files
from mlplat.engine.artifacts import ArtifactError, ArtifactStore
from mlplat.engine.outputs import LARGEST_PARAMETER
from tests.unit.engine.manifests import dag, gives, node, shell, task, value, workflow

REPOSITORY = {"s3": {"key": "kept/o"}}


def one(script: str, **outputs: Any) -> dict[str, Any]:
    return workflow(dag(task("a", "t")), shell("t", script, outputs=outputs))


def message(done: dict[str, Any]) -> str:
    return str(node(done, "wf.a")["message"])


@pytest.mark.parametrize(
    "script",
    [
        "mkfifo /tmp/o",
        "ln -s /dev/zero /tmp/o",
        "mkfifo /tmp/p; ln -s /tmp/p /tmp/o",
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('o')\"",
    ],
)
def test_a_parameter_that_is_not_a_file_is_refused_at_once(run: Any, script: str) -> None:
    template = shell("t", f"cd $(dirname /tmp/o); {script}", outputs=gives(o="/tmp/o"))
    done = run(workflow(dag(task("a", "t")), template))
    expected = "wait: Error (exit code 64): failed to save parameter o: /tmp/o is not a regular file"
    assert message(done) == expected


@pytest.mark.parametrize("script", ["truncate -s 10G /tmp/o", "truncate -s 10G /tmp/x; ln -s /tmp/x /tmp/o"])
def test_a_parameter_is_no_larger_than_etcd_takes(run: Any, script: str) -> None:
    done = run(one(script, **gives(o="/tmp/o")))
    assert "/tmp/o holds more than 1,572,864 bytes" in message(done)
    assert "make it an artifact" in message(done)


def test_a_parameter_may_be_as_large_as_etcd_takes(run: Any) -> None:
    done = run(one(f"head -c {LARGEST_PARAMETER} /dev/zero | tr '\\0' x > /tmp/o", **gives(o="/tmp/o")))
    assert len(value(done, "wf.a", "o")) == LARGEST_PARAMETER


def test_a_default_does_not_hide_what_can_not_be_read(run: Any) -> None:
    output = {"name": "o", "valueFrom": {"path": "/tmp/o", "default": "d"}}
    assert message(run(one("mkfifo /tmp/o", parameters=[output]))).endswith("/tmp/o is not a regular file")
    assert value(run(one("true", parameters=[output])), "wf.a", "o") == "d"


@pytest.mark.parametrize("archive", [{}, {"archive": {"none": {}}}])
@pytest.mark.parametrize("script", ["mkfifo /tmp/o", "ln -s /dev/zero /tmp/o"])
def test_an_artifact_that_is_not_a_file_is_refused(run: Any, script: str, archive: dict[str, Any]) -> None:
    done = run(one(script, artifacts=[{"name": "o", "path": "/tmp/o", **archive}]))
    assert message(done).endswith("is not a regular file or directory; ")


@pytest.mark.parametrize("script", ["mkfifo p", "ln -s /dev/zero p", "mknod p c 1 5 2>/dev/null || mkfifo p"])
def test_a_folder_with_a_pipe_or_device_is_refused_where_it_is_not_packed(run: Any, script: str) -> None:
    artifact = {"name": "o", "path": "/tmp/o", "archive": {"none": {}}}
    done = run(one(f"mkdir -p /tmp/o/sub; cd /tmp/o/sub; {script}", artifacts=[artifact]))
    assert "sub/p is not a regular file or directory" in message(done)


def test_a_pipe_in_a_packed_folder_is_left_out_as_argo_does(tmp_path: Path) -> None:
    source, target = tmp_path / "folder", tmp_path / "out"
    source.mkdir()
    (source / "file").write_text("x")
    (source / "same").hardlink_to(source / "file")
    (source / "loop").symlink_to("loop")
    (source / "to").symlink_to("file")
    os.mkfifo(source / "pipe")
    archives.pack(source, tmp_path / "a.tgz")
    target.mkdir()
    archives.unpack(tmp_path / "a.tgz", target)
    found = {path.name: path for path in (target / "folder").iterdir()}
    assert sorted(found) == ["file", "loop", "same", "to"]
    assert found["same"].read_text() == found["to"].read_text() == "x"
    assert found["loop"].is_symlink()


def test_a_socket_in_a_packed_folder_is_refused_as_argo_does(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "folder" / "s"))
    with pytest.raises(ArtifactError, match="sockets not supported"):
        ArtifactStore(tmp_path / "store").put(tmp_path / "folder", "k", pack=True)
    assert list((tmp_path / "store").iterdir()) == []


def test_links_become_the_files_that_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "outside")
    store = ArtifactStore(tmp_path / "store")
    store.put(tmp_path / "folder", "k", pack=False, move=True)
    (tmp_path / "outside").write_text("changed")
    kept = store.path("k") / "link"
    assert (kept.is_symlink(), kept.read_text()) == (False, "x")


@pytest.mark.parametrize("target", ["loop", "none", "."])
def test_links_without_a_file_are_refused_where_an_object_store_would(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "loop").symlink_to(target)
    with pytest.raises(OSError, match="loop"):
        ArtifactStore(tmp_path / "store").put(tmp_path / "folder", "k", pack=False)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_hard_link_to_data_of_the_user_is_copied(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "out").hardlink_to(tmp_path / "data")
    store = ArtifactStore(tmp_path / "store")
    store.put(tmp_path / "out", "k", pack=False, move=True)
    (tmp_path / "data").write_text("changed")
    assert store.path("k").read_text() == "x"


def test_a_sparse_file_stays_sparse(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10 << 30)
        file.seek(5 << 30)
        file.write(b"middle")
    files.copy(tmp_path / "sparse", tmp_path / "copy")
    copied = (tmp_path / "copy").stat()
    assert (copied.st_size, copied.st_blocks < 1024) == (10 << 30, True)
    with (tmp_path / "copy").open("rb") as file:
        file.seek(5 << 30)
        assert file.read(6) == b"middle"


def archive(folder: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(folder / "a.tgz", "w:gz") as written:
        for member in members:
            written.addfile(member)
    return folder / "a.tgz"


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    for field, given in fields.items():
        setattr(info, field, given)
    return info


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([member("../x")], "illegal file path: ../x"),
        ([member("a/../../x")], "illegal file path: a/../../x"),
        ([member("link", tarfile.SYMTYPE, "/etc")], "illegal symlink target: link -> /etc"),
        ([member("link", tarfile.SYMTYPE, "../..")], "illegal symlink target: link -> ../.."),
        ([member("a/link", tarfile.SYMTYPE, "../../x")], "illegal symlink target"),
        ([member("real/f"), member("link", tarfile.SYMTYPE, "real"), member("link/x")], "is below a link"),
    ],
)
def test_an_archive_that_would_leave_its_folder_is_refused(
    tmp_path: Path, members: list[tarfile.TarInfo], why: str
) -> None:
    target = tmp_path / "in" / "target"
    target.mkdir(parents=True)
    with pytest.raises(archives.ArchiveError) as refused:
        archives.unpack(archive(tmp_path, *members), target)
    assert why in str(refused.value)
    assert [path.name for path in tmp_path.iterdir() if path.name != "a.tgz"] == ["in"]
    assert list((tmp_path / "in").iterdir()) == [target]


def test_what_an_archive_holds_beside_files_is_left_out_as_argo_does(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    members = [
        member("/absolute"),
        member("hard", tarfile.LNKTYPE, "../secret"),
        member("device", tarfile.CHRTYPE, devmajor=1, devminor=5),
        member("pipe", tarfile.FIFOTYPE),
        member("setuid", mode=0o6755),
    ]
    target = tmp_path / "target"
    target.mkdir()
    archives.unpack(archive(tmp_path, *members), target)
    assert sorted(path.name for path in target.iterdir()) == ["absolute", "setuid"]
    assert (target / "setuid").stat().st_mode & 0o7000 == 0
    assert (target / "setuid").stat().st_mode & 0o700 == 0o700


def test_an_archive_larger_than_the_disk_is_refused_before_it_is_written(tmp_path: Path) -> None:
    bomb = tmp_path / "a.tgz"
    bomb.write_bytes(gzip.compress(member("zeros", size=1 << 50).tobuf() + bytes(1 << 20)))
    (tmp_path / "target").mkdir()
    with pytest.raises(archives.ArchiveError, match=r"zeros needs 1,125,899,906,842,624 bytes"):
        archives.unpack(bomb, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_an_archive_whose_header_is_an_attack_on_the_memory_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "a.tgz"
    with gzip.open(bomb, "wb") as file:
        file.write(member("x", tarfile.XHDTYPE, size=64 << 20).tobuf())
        for _ in range(65):
            file.write(bytes(1 << 20))
    (tmp_path / "target").mkdir()
    with pytest.raises(archives.ArchiveError, match=r"a header of 67,108,864 bytes"):
        archives.unpack(bomb, tmp_path / "target")


def test_a_tar_that_is_not_compressed_is_a_file_as_for_argo(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as written:
        written.addfile(member("x"))
    assert not archives.is_archive(tmp_path / "a.tar")
    assert archives.is_archive(archive(tmp_path, member("x")))
    assert not archives.is_archive(archive(tmp_path))
