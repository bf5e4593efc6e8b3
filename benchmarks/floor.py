"""How long a bare `session.run` on a batch takes, and parsing its body: argument, the body's file.

Prints a JSON object of the medians, in seconds.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import orjson
from my_application.model import schema
from my_application.model.predictor import Predictor

ROUNDS = 20


def time(function: Callable[[], object]) -> float:
    """Call a function again and again; give the median of its wall times in seconds."""
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return median(times)


body = Path(sys.argv[1]).read_bytes()
features = schema.to_array(json.loads(body)["instances"])
predictor = Predictor.load()
print(
    json.dumps(
        {
            "session.run": time(lambda: predictor.predict(features)),
            "json.loads": time(lambda: json.loads(body)),
            "orjson.loads": time(lambda: orjson.loads(body)),
        }
    )
)
