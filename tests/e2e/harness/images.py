"""Container images made here, as archives that containerd imports: no registry and no Docker takes part."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.harness.failure import HarnessError, run
from tests.e2e.harness.paths import Cache
from tests.e2e.harness.progress import say, step
from tests.e2e.harness.versions import (
    ARGOEXEC_IMAGE,
    DEBIAN,
    IMAGE_PYTHON,
    ML_IMAGE,
    ML_REQUIREMENTS,
    MODEL_FILES,
    MODEL_IMAGE,
    PAUSE_IMAGE,
    PYTHON_IMAGE,
    S3_IMAGE,
    WHEELS,
    WHEELS_IMAGE,
)

_DEBIAN_INCLUDE = "python3,python3-pip,python3-venv"
_UNUSED = (
    "var/lib/apt/lists/*",
    "var/cache/apt/*",
    "var/cache/debconf/*",
    "var/log/*",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/lintian",
    "usr/lib/python3*/test",
    "usr/lib/python3*/idlelib",
    "usr/lib/python3*/lib2to3/tests",
)
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image.

    Attributes:
        name: of the layer's file in the cache.
        recipe: changes whenever the content would.
        fill: writes the content into the empty folder that it is given.
    """

    name: str
    recipe: str
    fill: Callable[[Path], None] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its name, its layers from the bottom up, and how a container of it starts.

    Attributes:
        name: full name with the tag.
        layers: from the bottom up.
        config: the ``config`` object of the OCI image configuration.
    """

    name: str
    layers: tuple[Layer, ...]
    config: dict[str, Any]

    def archive(self, cache: Cache) -> Path:
        """Returns where the image's archive lies; its name changes with the recipe."""
        text = json.dumps([self.name, [layer.recipe for layer in self.layers], self.config])
        short = self.name.rpartition("/")[2].replace(":", "-")
        return cache.images / f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.tar"


def catalogue(cache: Cache) -> tuple[Image, ...]:
    """Returns every image that a cluster has.

    Args:
        cache: has the programs that go into some of them.
    """
    base = Layer("python", f"debootstrap {DEBIAN} {_DEBIAN_INCLUDE} {_UNUSED} 1", _debian_with_python)
    packages = Layer("ml", f"pip {ML_REQUIREMENTS} 1", partial(_ml_packages, cache, base))
    model = Layer("model", f"{MODEL_FILES}, a folder and a link 1", _model)
    wheels = Layer("wheels", f"pip download {WHEELS.read_text()} 1", partial(_wheels, cache))
    python = {"Env": [_PATH, "LANG=C.UTF-8"], "Cmd": ["python3"]}
    from_wheels = ["PIP_NO_INDEX=1", f"PIP_FIND_LINKS=/{cache.wheels.name}"]
    return (
        Image(PAUSE_IMAGE, (_program(cache, "pause"),), {"Entrypoint": ["/bin/pause"]}),
        Image(
            ARGOEXEC_IMAGE, (_program(cache, "argoexec"),), {"Env": ["PATH=/bin"], "Entrypoint": ["argoexec"]}
        ),
        Image(PYTHON_IMAGE, (base,), python),
        Image(ML_IMAGE, (base, packages), python),
        Image(MODEL_IMAGE, (base, model), python),
        Image(WHEELS_IMAGE, (base, wheels), {**python, "Env": [*python["Env"], *from_wheels]}),
        Image(S3_IMAGE, (_program(cache, "versitygw"),), {"Env": ["PATH=/bin"], "Entrypoint": ["versitygw"]}),
    )


def build(cache: Cache) -> None:
    """Makes every archive that is not there already, and removes those of older recipes.

    Args:
        cache: has the programs and gets the archives.

    Raises:
        HarnessError: a layer could not be filled.
    """
    images = catalogue(cache)
    unmade = [image for image in images if not image.archive(cache).exists()]
    if not unmade:
        say("images: all made")
        return
    cache.images.mkdir(parents=True, exist_ok=True)
    for image in unmade:
        layers = [_layer_tar(cache, layer) for layer in image.layers]
        with step(f"make image {image.name}"):
            write_archive(image.archive(cache), image.name, layers, image.config)
    current = {image.archive(cache) for image in images}
    current |= {_layer_path(cache, layer) for image in images for layer in image.layers}
    for other in set(cache.images.iterdir()) - current:
        if other.is_file():
            other.unlink()


def write_archive(path: Path, name: str, layers: Sequence[Path], config: dict[str, Any]) -> None:
    """Writes an image in the format of ``docker save``, under another name until it is whole.

    Args:
        path: where.
        name: full name with the tag.
        layers: uncompressed tar files, from the bottom up.
        config: the ``config`` object of the image configuration.
    """
    digests = [_digest(layer) for layer in layers]
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    layer_names = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": layer_names}]).encode()
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        for file_name, content in ((config_name, configuration), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(file_name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for layer_name, layer in zip(layer_names, layers, strict=True):
            archive.add(layer, layer_name)
    part.rename(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _layer_path(cache: Cache, layer: Layer) -> Path:
    key = hashlib.sha256(layer.recipe.encode()).hexdigest()[:12]
    return cache.images / f"layer-{layer.name}-{key}.tar"


def _layer_tar(cache: Cache, layer: Layer) -> Path:
    path = _layer_path(cache, layer)
    if path.exists():
        return path
    with (
        step(f"fill layer {layer.name}"),
        tempfile.TemporaryDirectory(dir=cache.images, prefix="fill-") as folder,
    ):
        root = Path(folder) / "root"
        root.mkdir(mode=0o755)
        layer.fill(root)
        part = path.with_suffix(".part")
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
            for child in sorted(root.iterdir()):
                archive.add(child, child.name, filter=_as_stored)
        part.rename(path)
    return path


def _as_stored(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if entry.isdev():
        return None  # the runtime makes the devices
    entry.uname = entry.gname = ""
    return entry


def _program(cache: Cache, name: str) -> Layer:
    stamp = cache.bin / f".{name}.recipe"
    recipe = stamp.read_text() if stamp.exists() else ""

    def fill(root: Path) -> None:
        folder = root / "bin"
        folder.mkdir()
        shutil.copy(cache.bin / name, folder / name)
        _temporary_folder(root)

    return Layer(name, f"program {name} {recipe}", fill)


def _temporary_folder(root: Path) -> None:
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)


def _debian_mirror() -> str:
    lines = run(["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)"]).splitlines()
    for line in lines:
        codename, _, uri = line.partition(" ")
        if codename == DEBIAN:
            return uri
    raise HarnessError(f"apt has no package source for Debian {DEBIAN}; see /etc/apt/sources.list")


def _debian_with_python(root: Path) -> None:
    run(["debootstrap", "--variant=minbase", f"--include={_DEBIAN_INCLUDE}", DEBIAN, root, _debian_mirror()])
    (root / "usr/bin/python").symlink_to("python3")
    # Whoever installs packages in a container means to: there, pip needs no protection from apt.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    _strip(root)
    _temporary_folder(root)


def _ml_packages(cache: Cache, base: Layer, root: Path) -> None:
    packages = Path("usr/local/lib") / f"python{IMAGE_PYTHON}" / "dist-packages"
    target = root / packages
    target.mkdir(parents=True)
    _pip("install", "--no-compile", f"--target={target}", *ML_REQUIREMENTS)
    for tests in [path for path in target.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)
    # Importing without byte code takes seconds, and only the image's own Python writes what it can read.
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        run(["tar", "-xf", _layer_tar(cache, base), "-C", folder])
        inside = Path(folder) / packages
        shutil.rmtree(inside, ignore_errors=True)
        target.rename(inside)
        run(["chroot", folder, "python3", "-m", "pip", "check"])
        run(["chroot", folder, "python3", "-m", "compileall", "-q", Path("/") / packages])
        inside.rename(target)


def _wheels(cache: Cache, root: Path) -> None:
    shutil.rmtree(cache.wheels, ignore_errors=True)
    _pip("download", "--require-hashes", f"--dest={cache.wheels}", f"--requirement={WHEELS}")
    shutil.copytree(cache.wheels, root / cache.wheels.name)


def _model(root: Path) -> None:
    """Write what an image of a model holds where KServe looks for it."""
    parts = root / "models/parts"
    parts.mkdir(parents=True)
    (parts / "1.bin").write_bytes(bytes(range(256)))
    for name in MODEL_FILES:
        (parts.parent / name).write_text(name)
    (parts.parent / "latest").symlink_to("parts/1.bin")


def _pip(command: str, *words: str) -> None:
    """Run pip for the Python of the images."""
    platforms = (*(f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 17)), "manylinux2014_x86_64")
    target = [f"--python-version={IMAGE_PYTHON}", "--implementation=cp"]
    target += [f"--platform={platform}" for platform in platforms]
    run(
        [
            sys.executable,
            "-m",
            "pip",
            command,
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            *target,
            *words,
        ],
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"},
    )


def _strip(root: Path) -> None:
    for pattern in _UNUSED:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif os.path.lexists(path):
                path.unlink()
