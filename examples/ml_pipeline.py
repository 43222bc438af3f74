from mlplat import dsl
from mlplat.dsl import Dataset, Input, Metrics, Model, Output

@dsl.component
def data_preprocessing(input_data: str, processed_data: Output[Dataset]) -> None:
    import pandas as pd
    df = pd.read_csv(input_data)
    df = df.dropna()
    df.to_csv(processed_data.path, index=False)

@dsl.component(cache=True)
def model_training(processed_data: Input[Dataset], model: Output[Model], metrics: Output[Metrics]) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score
    import joblib
    import pandas as pd
    df = pd.read_csv(processed_data.path)
    X = df.drop('target', axis=1)
    y = df['target']
    model_obj = RandomForestClassifier()
    model_obj.fit(X, y)
    joblib.dump(model_obj, model.path)
    acc = accuracy_score(y, model_obj.predict(X))
    metrics.log_metric('accuracy', acc)

@dsl.pipeline
def ml_pipeline(input_path: str = 'gs://my-bucket/data.csv') -> None:
    preprocess_task = data_preprocessing(input_data=input_path)
    train_task = model_training(processed_data=preprocess_task.outputs['processed_data'])
