"""What the client does about a busy server, and about lists that expire."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import connect
from mlplat.k8s.resources import PODS

PATH = "/api/v1/namespaces/team-a/pods"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}

pytestmark = pytest.mark.usefixtures("without_pauses")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_request_is_repeated_when_the_server_asks_for_it(api: Any, status: int) -> None:
    busy = api.of(status, "too many requests", retry_after="0")
    api.on("POST", PATH, busy, busy, POD)

    assert connect(kubeconfig=api.kubeconfig).create(POD) == POD
    assert len(api.asked) == 3


@pytest.mark.parametrize(
    ("status", "retry_after"), [(429, ""), (503, ""), (429, "Fri, 31 Dec 2027 23:59:59 GMT"), (409, "0")]
)
def test_otherwise_a_request_is_sent_once(api: Any, status: int, retry_after: str) -> None:
    api.on("POST", PATH, api.of(status, "no", retry_after=retry_after))

    with pytest.raises(ClusterError, match="no"):
        connect(kubeconfig=api.kubeconfig).create(POD)
    assert len(api.asked) == 1


def test_a_server_that_stays_busy_is_an_error(api: Any) -> None:
    api.on("GET", f"{PATH}/a", api.of(429, "too many requests", retry_after="0"))

    with pytest.raises(ClusterError, match="too many requests"):
        connect(kubeconfig=api.kubeconfig).get(PODS, "a")
    assert len(api.asked) == 4


def test_a_list_that_expires_between_pages_is_read_in_one(api: Any) -> None:
    items = [{"metadata": {"name": name}} for name in "abc"]
    first = {"metadata": {"resourceVersion": "1", "continue": "next"}, "items": items[:2]}
    whole = {"metadata": {"resourceVersion": "2"}, "items": items}
    api.on("GET", PATH, first, api.of(410, "the continue token is too old"), whole)

    listed = connect(kubeconfig=api.kubeconfig).list(PODS)

    assert listed.version == "2"
    assert [item["metadata"]["name"] for item in listed.items] == ["a", "b", "c"]
    assert [asked.query.get("limit") for asked in api.asked] == ["500", "500", None]


def test_a_kind_is_found_once_and_a_wrong_one_is_corrected(api: Any) -> None:
    served = [
        {"kind": "Widget", "name": "widgets", "namespaced": True},
        {"kind": "Widget", "name": "widgets/status", "namespaced": True},
    ]
    api.on("GET", "/apis/example.com/v1", {"resources": served})
    client = connect(kubeconfig=api.kubeconfig)

    assert client.resource("example.com/v1", "Widget").plural == "widgets"
    assert client.resource("example.com/v1", "Widget") in client.resources("example.com/v1")
    assert len(api.asked) == 2
    with pytest.raises(ClusterError, match=r"no kind 'Widgets' in example\.com/v1\n.*did you mean 'Widget'"):
        client.resource("example.com/v1", "Widgets")
    with pytest.raises(ClusterError, match=r"no kind 'Widget' in other\.com/v1"):
        client.resource("other.com/v1", "Widget")
