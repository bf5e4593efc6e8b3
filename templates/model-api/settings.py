    model_path: str = ""
    max_instances: PositiveInt = 100
    inference_threads: PositiveInt = 2
    onnx_threads: PositiveInt = 1