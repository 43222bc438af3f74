"""Logging in."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlplat.errors import ClusterError
from mlplat.k8s.connection import connect

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_context_gives_the_namespace(api: Any) -> None:
    assert connect(kubeconfig=api.kubeconfig).namespace == "team-a"
    assert connect(kubeconfig=api.kubeconfig, context="there").namespace == "default"
    assert connect("team-b", kubeconfig=api.kubeconfig).namespace == "team-b"


def test_the_token_is_sent(api: Any) -> None:
    api.on("GET", "/version", {"gitVersion": "v1.34.4"})

    assert connect(kubeconfig=api.kubeconfig).version() == "v1.34.4"
    assert api.asked[0].headers["authorization"] == "Bearer secret-token"


def test_kubeconfigs_are_merged_and_the_first_wins(
    api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    context = {"cluster": "c", "user": "u", "namespace": "of-other"}
    contexts = [{"name": "new", "context": context}, {"name": "here", "context": context}]
    other.write_text(yaml.safe_dump({"current-context": "new", "contexts": contexts}))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}:{api.kubeconfig}:{other}")

    assert connect().namespace == "team-a"
    assert connect(context="new").namespace == "of-other"


def test_the_kubeconfig_of_the_home_folder_is_found(api: Any, tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    (folder / "config").write_text(api.kubeconfig.read_text())

    assert connect().namespace == "team-a"


def test_without_a_kubeconfig_it_says_what_to_give() -> None:
    with pytest.raises(
        ClusterError, match=r"no kubeconfig found at ~/\.kube/config\n.*--kubeconfig or KUBECONFIG"
    ):
        connect()


def test_a_context_that_does_not_exist_has_a_hint(api: Any) -> None:
    with pytest.raises(ClusterError, match=r"no context 'ther'\n.*did you mean 'there'"):
        connect(context="ther", kubeconfig=api.kubeconfig)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be used"),
        ("apiVersion: v1", "no current context"),
        ("{current-context: a, contexts: [{name: a, context: {cluster: x, user: y}}]}", "cannot be used"),
        ("{current-context: a, contexts: [1]}", "cannot be used"),
    ],
)
def test_a_broken_kubeconfig_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(ClusterError, match=message):
        connect(kubeconfig=path)


def test_a_server_that_does_not_run_is_named(api: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{unused.getsockname()[1]}"
        config = yaml.safe_load(api.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = server
        api.kubeconfig.write_text(yaml.safe_dump(config))

        with pytest.raises(ClusterError, match=f"{server} cannot be reached: Connection refused") as caught:
            connect(kubeconfig=api.kubeconfig).version()
    assert caught.value.diagnostics[0].code == "MLP802"


def test_importing_the_package_does_not_import_kubernetes() -> None:
    program = "import sys, mlplat.k8s; assert not {'kubernetes', 'urllib3'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", program], check=True)
