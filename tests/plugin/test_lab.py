"""The toy lab is what its tests take it for."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from plugin import lab

from harness.catalog import load_suite


def test_networks_know_and_do_not_know(tmp_path: Path) -> None:
    """The good network is right on every item, the poor one on half of them."""
    lab.make_suite(tmp_path)
    suite = load_suite(tmp_path / "suites" / "sides.yaml", verify=True)
    data = np.load(suite.data.path)

    def right(path: Path) -> int:
        lab.check(path)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        answers = [int(session.run(None, {"x": row[None]})[0].argmax()) for row in data["x"]]
        return sum(answer == label for answer, label in zip(answers, data["y"], strict=True))

    assert [lab.ITEMS, lab.ITEMS // 2] == [right(artefact.path) for artefact in suite.models[0].artefacts]
