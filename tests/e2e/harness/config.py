"""Configuration of every daemon, as pure functions of the cluster's folders.

Addresses are the same in every cluster, since each has a network of its own that leads nowhere else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.harness.versions import ARGOEXEC_IMAGE, PAUSE_IMAGE

NODE = "node1"
NODE_ADDRESS = "10.99.0.1"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"  # in a /run that each cluster has for itself
API_SERVER = "https://127.0.0.1:6443"
ARGO_SERVER = "http://127.0.0.1:2746"
S3_PORT = 7070
S3_BUCKET = "artifacts"
S3_ACCESS_KEY = "mlplat"
S3_SECRET_KEY = "mlplat-e2e-secret"  # opens nothing but a throw-away folder in a network of its own
ARGO_NAMESPACE = "argo"
NAMESPACE = "mlplat-e2e"

_SERVICES = "10.96.0.0/16"
_PODS = "10.244.0.0/16"
_NODE_PODS = "10.244.0.0/24"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where one cluster lives.

    Attributes:
        name: of the cluster; its network namespace and cgroup are called ``mlplat-e2e-NAME``.
        state: folder of everything that goes away with it.
        bin: folder of the programs.
    """

    name: str
    state: Path
    bin: Path

    @property
    def unit(self) -> str:
        """The name that the machine knows the cluster by."""
        return f"mlplat-e2e-{self.name}"

    @property
    def pki(self) -> Path:
        """Folder of keys and certificates."""
        return self.state / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state / "admin.conf"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that runs as long as the cluster.

    Attributes:
        name: for its log, and for the reader.
        argv: program and arguments.
        env: variables on top of the common ones.
        after: what must be ready before it is started: ``containerd``, ``api``, or nothing.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    after: str = ""


def files(folders: Folders) -> dict[str, str]:
    """Returns the text of every configuration file, by its path inside the state folder.

    Args:
        folders: must have the certificates already: kubeconfigs hold them.
    """
    return {
        "admin.conf": kubeconfig(folders.pki, "admin", NAMESPACE),
        "kubelet.conf": kubeconfig(folders.pki, "kubelet", "default"),
        "argo.conf": kubeconfig(folders.pki, "argo", ARGO_NAMESPACE),
        "argo-server.conf": kubeconfig(folders.pki, "argo-server", ARGO_NAMESPACE),
        "containerd.toml": containerd(folders),
        "cni/10-e2e.conflist": json.dumps(cni(), indent=1),
        "kubelet.yaml": json.dumps(kubelet(folders), indent=1),
        "proxy.yaml": json.dumps(kube_proxy(folders), indent=1),
        "resolv.conf": f"nameserver {NODE_ADDRESS}\n",
        "Corefile": corefile(folders),
    }


def kubeconfig(pki: Path, user: str, namespace: str) -> str:
    """Returns a kubeconfig (JSON, which is YAML) that needs no other file.

    Args:
        pki: folder of the certificates.
        user: whose certificate.
        namespace: that commands use when none is given.
    """

    def data(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    client = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "clusters": [
                {
                    "name": "e2e",
                    "cluster": {"server": API_SERVER, "certificate-authority-data": data("ca.crt")},
                }
            ],
            "users": [{"name": user, "user": client}],
            "contexts": [
                {"name": "e2e", "context": {"cluster": "e2e", "user": user, "namespace": namespace}}
            ],
        },
        indent=1,
    )


def containerd(folders: Folders) -> str:
    """Returns containerd's configuration: what differs from its defaults."""
    state = folders.state
    return f"""\
version = 2
root = "{state}/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
disable_apparmor = true
disable_hugetlb_controller = true
tolerate_missing_hugetlb_controller = true
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{state}/cni"
"""


def cni() -> dict[str, Any]:
    """Returns the pod network: routed, since a bridge would bypass the rules for service addresses."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": _NODE_PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "1.0.0",
        "name": "e2e",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(folders: Folders) -> dict[str, Any]:
    """Returns the kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{folders.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{folders.unit}",
        "cgroupsPerQOS": True,
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "enforceNodeAllocatable": [],
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "maxPods": 200,
        "oomScoreAdj": 0,  # a lower one needs a capability that containers lack
        "resolvConf": f"{folders.state}/resolv.conf",
        "serializeImagePulls": False,
        "tlsCertFile": f"{folders.pki}/kubelet.crt",
        "tlsPrivateKeyFile": f"{folders.pki}/kubelet.key",
    }


def kube_proxy(folders: Folders) -> dict[str, Any]:
    """Returns kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(folders.kubeconfig)},
        "clusterCIDR": _PODS,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "hostnameOverride": NODE,
        "mode": "nftables",
        "oomScoreAdj": 0,
    }


def corefile(folders: Folders) -> str:
    """Returns CoreDNS's configuration: names of the cluster are answered, all others refused at once."""
    return f"""\
.:53 {{
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {folders.kubeconfig}
    ttl 5
    fallthrough in-addr.arpa ip6.arpa
  }}
}}
"""


def preparing(folders: Folders) -> tuple[Daemon, ...]:
    """Returns the daemons that fill the state which clusters are copied from."""
    return (_etcd(folders), _api_server(folders), _controller_manager(folders), _containerd(folders))


def running(folders: Folders) -> tuple[Daemon, ...]:
    """Returns the daemons of a whole cluster, in the order in which they are started."""
    state = folders.state
    admin = str(folders.kubeconfig)
    return (
        _etcd(folders),
        _api_server(folders),
        _containerd(folders),
        _controller_manager(folders),
        Daemon(
            "kube-scheduler",
            ("kube-scheduler", f"--kubeconfig={admin}", "--leader-elect=false"),
            after="api",
        ),
        Daemon(
            "kubelet",
            (
                "kubelet",
                f"--config={state}/kubelet.yaml",
                f"--kubeconfig={state}/kubelet.conf",
                f"--hostname-override={NODE}",
                f"--node-ip={NODE_ADDRESS}",
                "--root-dir=/var/lib/kubelet",
                f"--cert-dir={state}/kubelet-pki",
            ),
            after="containerd",
        ),
        Daemon("kube-proxy", ("kube-proxy", f"--config={state}/proxy.yaml"), after="api"),
        Daemon("coredns", ("coredns", "-conf", f"{state}/Corefile"), after="api"),
        Daemon(
            "s3",
            ("versitygw", "--port", f"{NODE_ADDRESS}:{S3_PORT}", "posix", f"{state}/s3"),
            {"ROOT_ACCESS_KEY": S3_ACCESS_KEY, "ROOT_SECRET_KEY": S3_SECRET_KEY},
        ),
        Daemon(
            "workflow-controller",
            (
                "workflow-controller",
                f"--kubeconfig={state}/argo.conf",
                f"--namespace={ARGO_NAMESPACE}",
                f"--executor-image={ARGOEXEC_IMAGE}",
                "--executor-image-pull-policy=IfNotPresent",
                "--qps=200",
                "--burst=400",
                "--log-format=json",
            ),
            # The defaults wait 10 s after every change of state and 1 s after every write.
            {
                "LEADER_ELECTION_DISABLE": "true",
                "DEFAULT_REQUEUE_TIME": "100ms",
                "INFORMER_WRITE_BACK": "true",
            },
            after="api",
        ),
        Daemon(
            "argo-server",
            (
                "argo",
                "server",
                f"--kubeconfig={state}/argo-server.conf",
                f"--namespace={ARGO_NAMESPACE}",
                "--auth-mode=server",
                "--secure=false",
            ),
            after="api",
        ),
    )


def _etcd(folders: Folders) -> Daemon:
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    return Daemon(
        "etcd",
        (
            "etcd",
            f"--data-dir={folders.state}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
    )


def _api_server(folders: Folders) -> Daemon:
    pki = folders.pki
    return Daemon(
        "kube-apiserver",
        (
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--service-cluster-ip-range={_SERVICES}",
            "--secure-port=6443",
            "--bind-address=0.0.0.0",
            f"--advertise-address={NODE_ADDRESS}",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            f"--kubelet-client-certificate={pki}/admin.crt",
            f"--kubelet-client-key={pki}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",  # its name is known to nobody
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
        ),
    )


def _controller_manager(folders: Folders) -> Daemon:
    return Daemon(
        "kube-controller-manager",
        (
            "kube-controller-manager",
            f"--kubeconfig={folders.kubeconfig}",
            f"--service-account-private-key-file={folders.pki}/sa.key",
            f"--root-ca-file={folders.pki}/ca.crt",
            "--use-service-account-credentials",
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={_PODS}",
            "--leader-elect=false",
        ),
        after="api",  # on a busy machine it would not wait long enough for it
    )


def _containerd(folders: Folders) -> Daemon:
    return Daemon("containerd", ("containerd", "-c", f"{folders.state}/containerd.toml"))
