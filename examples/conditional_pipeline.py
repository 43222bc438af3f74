"""Trains, evaluates on data that the model has not seen, deploys only above a threshold, and reports per column."""

from typing import List, NamedTuple

from mlplat import dsl
from mlplat.dsl import Dataset, Input, Metrics, Model, Output


@dsl.component
def split(input_data: str, train: Output[Dataset], test: Output[Dataset]) -> None:
    import pandas as pd
    from sklearn.model_selection import train_test_split

    rows = pd.read_csv(input_data).dropna()
    for artifact, part in zip((train, test), train_test_split(rows, test_size=0.25, random_state=0)):
        part.to_csv(artifact.path, index=False)
        artifact.metadata["rows"] = len(part)


@dsl.component
def train_model(data: Input[Dataset], model: Output[Model]) -> None:
    import joblib
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    rows = pd.read_csv(data.path)
    forest = RandomForestClassifier(n_estimators=50, random_state=0)
    joblib.dump(forest.fit(rows.drop("target", axis=1), rows["target"]), model.path)
    model.framework = "scikit-learn"


@dsl.component
def evaluate(model: Input[Model], data: Input[Dataset], metrics: Output[Metrics]) -> NamedTuple(
    "Outputs", [("accuracy", float)]
):
    from typing import NamedTuple

    import joblib
    import pandas as pd

    rows = pd.read_csv(data.path)
    accuracy = float(joblib.load(model.path).score(rows.drop("target", axis=1), rows["target"]))
    metrics.log_metric("accuracy", accuracy)
    return NamedTuple("Outputs", [("accuracy", float)])(accuracy)


@dsl.component
def deploy(model: Input[Model], accuracy: float) -> str:
    return f"{model.name}, accuracy {accuracy:.3f}, ready to serve"


@dsl.component
def describe(data: Input[Dataset], column: str) -> float:
    import pandas as pd

    return float(pd.read_csv(data.path)[column].mean())


@dsl.pipeline
def conditional_pipeline(
    input_path: str, threshold: float = 0.8, columns: List[str] = ["mean radius", "mean texture", "mean area"]
) -> None:
    split_task = split(input_data=input_path)
    train_task = train_model(data=split_task.outputs["train"])
    train_task.set_cpu_request("2").set_cpu_limit("4").set_memory_request("4Gi").set_memory_limit("8Gi")
    evaluate_task = evaluate(model=train_task.outputs["model"], data=split_task.outputs["test"])
    with dsl.Condition(evaluate_task.outputs["accuracy"] > threshold):
        deploy(model=train_task.outputs["model"], accuracy=evaluate_task.outputs["accuracy"])
    with dsl.ParallelFor(columns) as column:
        describe(data=split_task.outputs["train"], column=column)
