"""Writes a Workflow of COUNT tasks as SHAPE, built by hera: COUNT SHAPE OUT."""

import sys

from hera.workflows import DAG, Container, Parameter, Workflow, models

count, shape, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]

with Workflow(
    generate_name="increment-", entrypoint="main", arguments=[Parameter(name="x", value="0")]
) as workflow:
    increment = Container(
        name="increment",
        image="python:3.11",
        command=["python3", "-c"],
        args=["open('/tmp/out', 'w').write(str({{inputs.parameters.x}} + 1))"],
        inputs=[Parameter(name="x")],
        outputs=[Parameter(name="out", value_from=models.ValueFrom(path="/tmp/out"))],
    )
    with DAG(name="main"):
        first = "{{workflow.parameters.x}}"
        if shape == "chain":
            task = increment(name="task-0", arguments={"x": first})
            for number in range(1, count):
                following = increment(name=f"task-{number}", arguments={"x": task.get_parameter("out")})
                task >> following
                task = following
        else:
            tasks = [increment(name=f"task-{number}", arguments={"x": first}) for number in range(count)]
            if shape == "fan-in":
                tasks[:-1] >> tasks[-1]

with open(out, "w") as file:
    file.write(workflow.to_yaml())
