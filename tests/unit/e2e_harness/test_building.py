"""What the harness takes for built, and the image archives that it writes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.harness import gotools, images, packages
from tests.e2e.harness.failure import HarnessError
from tests.e2e.harness.gotools import GoModule
from tests.e2e.harness.paths import Cache, cluster_name

MODULE = GoModule(
    name="demo",
    require={"example.test/demo": "v1.0.0"},
    programs={"first": "example.test/demo/first", "second": "example.test/demo/second"},
)

FAKE_GO = """\
#!/bin/sh
case "$1" in
  version) echo "go version go{version} linux/amd64" ;;
  build)
    for last in "$@"; do :; done
    echo "$last" >> "{log}"
    case "$last" in *{broken}) echo "no such thing" >&2; exit 1 ;; esac
    while [ "$1" != -o ]; do shift; done
    echo program > "$2" ;;
esac
"""


class FakeGo:
    """A Go toolchain that notes the packages it is to build."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.write()

    def write(self, *, version: str = "1.26.0", broken: str = "nothing") -> None:
        program = self.folder / "go"
        program.write_text(FAKE_GO.format(version=version, log=self.log, broken=broken))
        program.chmod(0o755)

    def taken(self) -> list[str]:
        """Returns what was built since the last call."""
        built = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return built


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    folder = tmp_path / "toolchain"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return FakeGo(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_second_build_builds_nothing(cache: Cache, go: FakeGo) -> None:
    gotools.build(cache, (MODULE,))
    assert go.taken() == ["example.test/demo/first", "example.test/demo/second"]

    gotools.build(cache, (MODULE,))
    assert go.taken() == []


def test_a_failed_build_continues_where_it_stopped(cache: Cache, go: FakeGo) -> None:
    go.write(broken="second")
    with pytest.raises(HarnessError, match="no such thing"):
        gotools.build(cache, (MODULE,))
    go.taken()

    go.write()
    gotools.build(cache, (MODULE,))
    assert go.taken() == ["example.test/demo/second"]


def test_another_version_is_built_again(cache: Cache, go: FakeGo) -> None:
    gotools.build(cache, (MODULE,))
    go.taken()

    gotools.build(cache, (replace(MODULE, require={"example.test/demo": "v1.0.1"}),))
    assert len(go.taken()) == 2


def test_an_old_go_is_refused_with_the_version_that_is_needed(cache: Cache, go: FakeGo) -> None:
    go.write(version="1.24.9")
    with pytest.raises(HarnessError, match=r"install Go 1\.25\.7 or newer"):
        gotools.build(cache, (MODULE,))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27rc1 linux/amd64", (1, 27)),
        ("go version devel", (0,)),
    ],
)
def test_the_version_of_go_is_read(text: str, version: tuple[int, ...]) -> None:
    assert gotools.go_version(text) == version


def test_kubernetes_libraries_have_the_minor_version_of_kubernetes() -> None:
    module = next(module for module in gotools.MODULES if module.name == "kubernetes")
    assert "k8s.io/kubernetes v1.34.4" in module.go_mod()
    assert "k8s.io/api => k8s.io/api v0.34.4" in module.go_mod()


def test_only_packages_whose_program_is_missing_are_installed() -> None:
    assert packages.missing({"a": "one", "b": "two", "c": "three"}, {"two"}.__contains__) == ["a", "c"]


def test_an_archive_names_its_layers_by_their_content(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.addfile(tarfile.TarInfo("bin"))
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    archive = tmp_path / "image.tar"

    images.write_archive(archive, "mlplat.test/demo:1", [layer], {"Cmd": ["sh"]})

    with tarfile.open(archive) as tar:

        def content(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        [manifest] = json.loads(content("manifest.json"))
        configuration = json.loads(content(manifest["Config"]))
        assert manifest["RepoTags"] == ["mlplat.test/demo:1"]
        assert configuration["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
        assert configuration["config"] == {"Cmd": ["sh"]}
        assert [content(name) for name in manifest["Layers"]] == [layer.read_bytes()]


def test_the_cache_follows_the_environment(tmp_path: Path) -> None:
    assert Cache.of_user({"MLPLAT_E2E_CACHE": "/a", "XDG_CACHE_HOME": "/b"}).root == Path("/a")
    assert Cache.of_user({"XDG_CACHE_HOME": "/b"}).root == Path("/b/mlplat-e2e")
    assert Cache.of_user({}).root == Path.home() / ".cache" / "mlplat-e2e"


def test_two_checkouts_have_clusters_of_different_names() -> None:
    names = {cluster_name({}, Path(checkout)) for checkout in ("/src/one", "/src/two")}
    assert len(names) == 2
    assert cluster_name({"MLPLAT_E2E_NAME": "mine"}) == "mine"
