import json

import pytest
from jinja2 import UndefinedError

from snapshotter.report.rendering import data, render, resource

STILL = {"height": 9, "about": "<about>", "marks": [], "texts": []}


def test_values_are_escaped() -> None:
    chart = {"key": "runtime", "title": "a & <b> \"c\" 'd'"}
    found = render("still.html.j2", chart=chart, still=STILL)
    assert "a &amp; &lt;b&gt; &#34;c&#34; &#39;d&#39;" in found
    assert "&lt;about&gt; The numbers" in found


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("still.html.j2", chart={"key": "runtime"}, still=STILL)


@pytest.mark.parametrize(
    "text",
    [
        "</script>",
        "<!--<script>",
        "&amp;",
        "\u2028\u2029",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_json_ends_no_script_and_means_the_same(text: str) -> None:
    found = str(data({"name": text}))
    assert not set(found) & set("<>&\u2028\u2029")
    assert json.loads(found) == {"name": text}


def test_a_file_of_the_package_is_as_it_is() -> None:
    assert '"Segoe UI"' in resource("report.css")
