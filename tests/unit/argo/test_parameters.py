"""Parameters are written as Argo's Go types write them; the expected JSON is that of a run on a cluster."""

from __future__ import annotations

from typing import Any

from mlplat.argo.parameters import to_json, with_strings

GIVEN: dict[str, Any] = {
    "spec": {
        "arguments": {
            "parameters": [
                {"value": 5, "name": "i", "description": "d < é"},
                {"enum": [1, "two"], "name": "e", "value": "two"},
                {"name": "f", "value": 1.50},
                {"name": "b", "value": True},
                {"name": "s", "value": ""},
                {
                    "name": "c",
                    "valueFrom": {
                        "default": 7,
                        "configMapKeyRef": {"key": "kk", "name": "none", "optional": True},
                    },
                },
            ]
        },
        "templates": [
            {
                "name": "main",
                "inputs": {
                    "parameters": [{"default": 2, "name": "w", "enum": ["2"], "globalName": "g", "value": 2}]
                },
                "steps": [
                    [
                        {
                            "name": "a",
                            "hooks": {"exit": {"arguments": {"parameters": [{"name": "h", "value": 1}]}}},
                        }
                    ]
                ],
            }
        ],
    }
}


def test_parameters_are_written_in_the_order_of_argo() -> None:
    spec = with_strings(GIVEN)["spec"]
    assert to_json(spec["arguments"]["parameters"]) == (
        r'[{"name":"i","value":"5","description":"d \u003c é"},{"name":"e","value":"two","enum":["1","two"]},'
        '{"name":"f","value":"1.5"},{"name":"b","value":"true"},{"name":"s","value":""},{"name":"c","valueFrom":'
        '{"configMapKeyRef":{"name":"none","key":"kk","optional":true},"default":"7"}}]'
    )
    assert to_json(spec["templates"][0]["inputs"]["parameters"]) == (
        '[{"name":"w","default":"2","value":"2","globalName":"g","enum":["2"]}]'
    )
    assert to_json([]) == "[]"


def test_values_become_strings_wherever_parameters_are() -> None:
    (step,) = with_strings(GIVEN)["spec"]["templates"][0]["steps"][0]
    assert step["hooks"]["exit"]["arguments"]["parameters"] == [{"name": "h", "value": "1"}]
    assert GIVEN["spec"]["arguments"]["parameters"][0]["value"] == 5
    cron = with_strings({"kind": "CronWorkflow", "spec": {"workflowSpec": GIVEN["spec"]}})
    assert cron["spec"]["workflowSpec"] == with_strings(GIVEN)["spec"]
