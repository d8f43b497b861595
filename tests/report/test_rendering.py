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
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_json_ends_no_script_and_means_the_same(text: str) -> None:
    found = str(data({"name": text}))
    assert not set(found) & set("<>&\u2028\u2029")
    assert json.loads(found) == {"name": text}


HIDING = "\u202eevil\u200b\x1b\u2028\n\\n"
SPELLED = r"\u202eevil\u200b\x1b\u2028\n\n"


def test_values_hide_nothing_and_are_spelled_once() -> None:
    texts = [{"x": 1, "y": 2, "style": "", "anchor": "start", "text": HIDING}]
    still = {**STILL, "about": f"{HIDING}<", "texts": texts}
    found = render("still.html.j2", chart={"key": "runtime", "title": "a"}, still=still)
    assert f"{SPELLED}&lt; The numbers" in found
    assert f">{SPELLED}</text>" in found


def test_data_hides_nothing_and_is_spelled_once() -> None:
    found = json.loads(str(data({"names": [HIDING, 1, None], HIDING: (HIDING, {"a": HIDING})})))
    assert found == {"names": [SPELLED, 1, None], SPELLED: [SPELLED, {"a": SPELLED}]}


def test_a_file_of_the_package_is_as_it_is() -> None:
    assert '"Segoe UI"' in resource("report.css")
