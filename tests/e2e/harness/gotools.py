"""Building the cluster's programs from Go modules.

Each module is built in a folder of its own, from a ``go.mod`` written here. A program counts as built when
the stamp next to it holds the hash of its recipe; it is written last, so what was interrupted is built again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.harness.failure import HarnessError, run
from tests.e2e.harness.paths import HARNESS, Cache
from tests.e2e.harness.progress import say, step
from tests.e2e.harness.versions import ARGO, ARGO_COMMIT, COREDNS, ETCD, GO_MINIMUM, KUBERNETES, VERSITYGW

_STAGING = (
    "api",
    "apiextensions-apiserver",
    "apimachinery",
    "apiserver",
    "cli-runtime",
    "client-go",
    "cloud-provider",
    "cluster-bootstrap",
    "code-generator",
    "component-base",
    "component-helpers",
    "controller-manager",
    "cri-api",
    "cri-client",
    "csi-translation-lib",
    "dynamic-resource-allocation",
    "endpointslice",
    "externaljwt",
    "kms",
    "kube-aggregator",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "metrics",
    "mount-utils",
    "pod-security-admission",
    "sample-apiserver",
    "sample-cli-plugin",
    "sample-controller",
)
"""Kubernetes' own libraries: its go.mod points at folders that the module does not contain."""

_ARGO = "github.com/argoproj/argo-workflows/v4"
_KUBE_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class GoModule:
    """How to build programs from one module.

    Attributes:
        name: of the build folder.
        require: module path to version.
        programs: program name to package; ``.`` is `main`.
        replace: lines of the ``replace`` block.
        ldflags: what the linker is told besides leaving out symbols.
        main: source of a main package of our own.
        vendored: build from a vendor folder, which `repairs` may then change.
        repairs: vendored file to its text, or to ``@`` and the vendored file that it is copied from.
    """

    name: str
    require: Mapping[str, str]
    programs: Mapping[str, str]
    replace: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    main: Path | None = None
    vendored: bool = False
    repairs: Mapping[str, str] = field(default_factory=dict)

    def go_mod(self) -> str:
        """Returns the text of the module's ``go.mod``."""
        minimum = ".".join(str(number) for number in GO_MINIMUM)
        lines = [f"module mlplat.test/{self.name}", "", f"go {minimum}", ""]
        tools = [package for package in self.programs.values() if package != "."]
        lines += _block("tool", tools)
        lines += _block("require", [f"{path} {version}" for path, version in self.require.items()])
        lines += _block("replace", self.replace)
        return "\n".join(lines)

    def recipe(self) -> str:
        """Returns a hash of all that the programs are made from."""
        source = self.main.read_text() if self.main else ""
        recipe = [self.go_mod(), self.ldflags, source, self.vendored, dict(self.repairs)]
        return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def _block(keyword: str, lines: list[str] | tuple[str, ...]) -> list[str]:
    return [f"{keyword} (", *(f"\t{line}" for line in lines), ")", ""] if lines else []


MODULES: tuple[GoModule, ...] = (
    GoModule(
        name="etcd",
        require={"go.etcd.io/etcd/server/v3": f"v{ETCD}"},
        programs={"etcd": "go.etcd.io/etcd/server/v3"},
    ),
    GoModule(
        name="kubernetes",
        require={"k8s.io/kubernetes": f"v{KUBERNETES}"},
        programs={
            program: f"k8s.io/kubernetes/cmd/{program}"
            for program in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            )
        },
        replace=tuple(f"k8s.io/{name} => k8s.io/{name} v0{KUBERNETES[1:]}" for name in _STAGING),
        ldflags=(
            f"-X {_KUBE_VERSION}.gitVersion=v{KUBERNETES}",
            f"-X {_KUBE_VERSION}.gitMajor={KUBERNETES.split('.')[0]}",
            f"-X {_KUBE_VERSION}.gitMinor={KUBERNETES.split('.')[1]}",
        ),
    ),
    GoModule(
        name="argo",
        require={_ARGO: f"v{ARGO}"},
        programs={
            program: f"{_ARGO}/cmd/{program}" for program in ("workflow-controller", "argoexec", "argo")
        },
        ldflags=(
            f"-X {_ARGO}.version=v{ARGO}",
            f"-X {_ARGO}.gitTag=v{ARGO}",
            f"-X {_ARGO}.gitCommit={ARGO_COMMIT}",
            f"-X {_ARGO}.gitTreeState=clean",
        ),
        vendored=True,
        repairs={
            # The release has the helper for macOS only, and pages that npm would have built.
            f"{_ARGO}/workflow/executor/osspecific/signal_linux.go": (
                f"@{_ARGO}/workflow/executor/osspecific/signal_darwin.go"
            ),
            f"{_ARGO}/ui/dist/app/index.html": "<html></html>\n",
        },
    ),
    GoModule(
        name="versitygw",
        require={"github.com/versity/versitygw": f"v{VERSITYGW}"},
        programs={"versitygw": "github.com/versity/versitygw/cmd/versitygw"},
    ),
    GoModule(
        name="coredns",
        require={"github.com/coredns/coredns": f"v{COREDNS}"},
        programs={"coredns": "."},
        main=HARNESS / "src" / "coredns" / "main.go",
    ),
    GoModule(name="pause", require={}, programs={"pause": "."}, main=HARNESS / "src" / "pause" / "main.go"),
)


def check_go() -> None:
    """Checks that a Go toolchain is there that is new enough.

    Raises:
        HarnessError: it is not.
    """
    minimum = ".".join(str(number) for number in GO_MINIMUM)
    advice = f"install Go {minimum} or newer and put its bin folder on PATH"
    if shutil.which("go") is None:
        raise HarnessError(f"Go is not installed; {advice}")
    text = run(["go", "version"], env={"GOTOOLCHAIN": "local"})
    if go_version(text) < GO_MINIMUM:
        raise HarnessError(f"{text.strip()} is too old; {advice}")


def go_version(text: str) -> tuple[int, ...]:
    """Returns the numbers of the version in what ``go version`` printed; ``(0,)`` when there is none."""
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", text)
    return tuple(int(number) for number in found.group(1).split(".")) if found else (0,)


def build(cache: Cache, modules: tuple[GoModule, ...] = MODULES) -> None:
    """Builds every program that is not there already.

    Args:
        cache: gets the programs, and has Go's build cache until all are built.
        modules: what to build.

    Raises:
        HarnessError: Go is missing or a build failed.
    """
    wanted = [module for module in modules if _unbuilt(cache, module)]
    if not wanted:
        say("programs: all built")
        return
    check_go()
    for module in wanted:
        _build_module(cache, module)
    # Gigabytes that only another version of the same module would use; until all is built, they save time.
    for name in ("gocache", "gosrc"):
        shutil.rmtree(cache.root / name, ignore_errors=True)


def _unbuilt(cache: Cache, module: GoModule) -> list[str]:
    recipe = module.recipe()
    return [
        program
        for program in module.programs
        if not (cache.bin / program).exists() or _read(_stamp(cache, program)) != recipe
    ]


def _stamp(cache: Cache, program: str) -> Path:
    return cache.bin / f".{program}.recipe"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _build_module(cache: Cache, module: GoModule) -> None:
    folder = cache.root / "gosrc" / module.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cache.bin.mkdir(parents=True, exist_ok=True)
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache.root / "gocache"),
        "GOFLAGS": "-mod=mod -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    (folder / "go.mod").write_text(module.go_mod())
    if module.main:
        shutil.copyfile(module.main, folder / "main.go")
    with step(f"fetch the modules of {module.name}"):
        run(["go", "mod", "tidy", "-e"], cwd=folder, env=env)
    if module.vendored:
        run(["go", "mod", "vendor", "-e"], cwd=folder, env=env)
        _repair(folder / "vendor", module.repairs)
        env["GOFLAGS"] = "-mod=vendor -buildvcs=false"
    if module.name == "argo":
        _keep_manifests(cache, folder, env)
    for program in _unbuilt(cache, module):
        part = cache.bin / f".{program}.part"
        ldflags = " ".join(("-s", "-w", *module.ldflags))
        with step(f"build {program}"):
            run(
                ["go", "build", "-trimpath", "-ldflags", ldflags, "-o", part, module.programs[program]],
                cwd=folder,
                env=env,
            )
        part.rename(cache.bin / program)
        _stamp(cache, program).write_text(module.recipe())
    shutil.rmtree(folder)


def _repair(vendor: Path, repairs: Mapping[str, str]) -> None:
    for name, text in repairs.items():
        target = vendor / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((vendor / text[1:]).read_text() if text.startswith("@") else text)


def _keep_manifests(cache: Cache, folder: Path, env: Mapping[str, str]) -> None:
    modules = {**env, "GOFLAGS": "-mod=mod"}
    module = run(["go", "list", "-m", "-f", "{{.Dir}}", _ARGO], cwd=folder, env=modules).strip()
    if not module:
        raise HarnessError(f"the module {_ARGO} was not downloaded")
    part = cache.root / "manifests.part"
    shutil.rmtree(part, ignore_errors=True)
    # The module cache is read-only; copying the contents alone leaves the copy deletable.
    shutil.copytree(Path(module) / "manifests", part, copy_function=shutil.copyfile)
    for path in (part, *part.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(cache.manifests, ignore_errors=True)
    part.rename(cache.manifests)
