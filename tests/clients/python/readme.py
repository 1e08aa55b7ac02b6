"""The README's example for Python, word for word."""

import os
from pathlib import Path

from tenant import run


def test_example(_):
    os.environ["PATH"] = os.pathsep.join([str(Path(os.environ["COUNTERSIGN"]).parent), os.environ["PATH"]])
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    names = {}
    exec(readme.split("```python\n")[1].split("```")[0], names)
    assert names["at"]["issuer"] == names["at"]["url"] + "/"
    assert names["sent"] == []
    assert names["tenant"].wait() == 0


run(globals())
