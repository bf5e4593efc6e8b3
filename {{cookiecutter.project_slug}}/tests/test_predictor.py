from pathlib import Path

import pytest
from tests.tiny import PRICE, TWO, create_predictor, train

from {{ cookiecutter.package_name }}.model.predictor import ModelError, load_predictor


def test_the_model_describes_itself() -> None:
    info = create_predictor(PRICE).info

    assert len(info.version) == 12
    assert info.metrics["r2"] > 0.9
    assert list(info.buckets) == sorted(set(info.buckets))


def test_a_file_that_is_missing_or_truncated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.onnx cannot be read: No such file"):
        load_predictor(TWO, tmp_path / "no.onnx")
    (tmp_path / "half.onnx").write_bytes(train(TWO)[1][:300])
    with pytest.raises(ModelError, match=r"half\.onnx is not an ONNX model or is truncated"):
        load_predictor(TWO, tmp_path / "half.onnx")
