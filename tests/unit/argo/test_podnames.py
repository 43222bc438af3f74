"""Names of pods, as the controller was seen to make them."""

from __future__ import annotations

import pytest

from mlplat.argo.status import pod_name

WORKFLOW = {"metadata": {"name": "rec-k8s-8hcgz"}}


@pytest.mark.parametrize(
    ("node", "pod"),
    [
        (
            {"id": "rec-k8s-8hcgz-2929504256", "name": "rec-k8s-8hcgz.a", "templateName": "say"},
            "rec-k8s-8hcgz-say-2929504256",
        ),
        (
            {"id": "rec-k8s-8hcgz-1063172577", "name": "rec-k8s-8hcgz.f(1)", "templateName": "fail"},
            "rec-k8s-8hcgz-fail-1063172577",
        ),
        ({"id": "rec-k8s-8hcgz", "name": "rec-k8s-8hcgz", "templateName": "say"}, "rec-k8s-8hcgz"),
        (
            {"id": "x", "name": "rec-k8s-8hcgz.a", "templateRef": {"name": "lib", "template": "say"}},
            "rec-k8s-8hcgz-say-2929504256",
        ),
        ({"id": "x", "name": "rec-k8s-8hcgz.a"}, "rec-k8s-8hcgz-2929504256"),
    ],
)
def test_the_name_is_made_of_workflow_template_and_node(node: dict[str, str], pod: str) -> None:
    assert pod_name(WORKFLOW, node) == pod


def test_long_names_are_cut_before_the_hash() -> None:
    workflow = {"metadata": {"name": "w" * 200}}
    name = pod_name(workflow, {"id": "x", "name": "w.a", "templateName": "t" * 100})

    assert name.startswith("w" * 200 + "-" + "t" * 41 + "-")
    assert len(name.rpartition("-")[0]) == 242


def test_the_older_rule_is_kept_where_a_workflow_asks_for_it() -> None:
    workflow = {"metadata": {"name": "w", "annotations": {"workflows.argoproj.io/pod-name-format": "v1"}}}

    assert pod_name(workflow, {"id": "w-123", "name": "w.a", "templateName": "t"}) == "w-123"
