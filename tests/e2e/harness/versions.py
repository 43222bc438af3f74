"""Every version that the test cluster is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

GO_MINIMUM: Final = (1, 25, 7)

KUBERNETES: Final = "1.34.4"
ETCD: Final = "3.6.8"
ARGO: Final = "4.0.7"
ARGO_COMMIT: Final = "9aeb47ce10339f4a14819335c6a00027353ba0df"
VERSITYGW: Final = "1.8.0"
COREDNS: Final = "1.14.3"

DEBIAN: Final = "bookworm"
DEBIAN_PACKAGES: Final = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "nftables": "nft",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "openssl": "openssl",
    "debootstrap": "debootstrap",
    "util-linux": "nsenter",
    "mount": "mount",
    "podman": "podman",
    "catatonit": "catatonit",
}
"""Package name to the program that shows that it is there."""

PAUSE_IMAGE: Final = "mlplat.test/pause:1"
ARGOEXEC_IMAGE: Final = f"mlplat.test/argoexec:v{ARGO}"
PYTHON_IMAGE: Final = "docker.io/library/python:3.11"
ML_IMAGE: Final = "mlplat.test/python:ml"
WHEELS_IMAGE: Final = "mlplat.test/python:wheels"
MODEL_IMAGE: Final = "registry.domain.local/modelcar:test"
"""The image of a model that a pipeline of KFP's own tests names."""
MODEL_FILES: Final = (
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "normalizer.json",
    "preprocessor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)
"""The files that this pipeline expects in it."""
S3_IMAGE: Final = f"docker.io/versity/versitygw:v{VERSITYGW}"
IMAGE_PYTHON: Final = "3.11"
"""The Python of Debian's release, and so of the images."""

ML_REQUIREMENTS: Final = (
    "cloudpickle==3.1.2",
    "joblib==1.6.0",
    "narwhals==2.28.0",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "python-dateutil==4.0.0",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
    "threadpoolctl==3.8.0",
    "tzdata==2026.6",
)

WHEELS: Final = Path(__file__).with_name("wheels.txt")
"""What pods can install without a network: what the pipelines of the tests ask for, with all that it needs."""
