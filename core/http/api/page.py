"""The page of the API: its OpenAPI document as plain HTML, without a script or another host."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from core.http.api import PREFIX

_METHODS = ("get", "post", "patch", "put", "delete")
_DEEPEST = 6

STYLE = """
:root { color-scheme: light dark; --ink: #1d211f; --paper: #fafaf9; --line: #d8d9d6;
  --quiet: #5c625f; --box: #efefed; --accent: #0f766e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8e6; --paper: #151716; --line: #3a3e3c;
  --quiet: #a2a8a5; --box: #222524; --accent: #2bb5a5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .1rem; }
h3 { font-size: .85rem; color: var(--quiet); margin: 1rem 0 .25rem; }
p { margin: .35rem 0; max-width: 46rem; }
a { color: var(--accent); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
summary { padding: .5rem .75rem; cursor: pointer; display: flex; flex-wrap: wrap;
  gap: .15rem .75rem; align-items: baseline; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
details > div { padding: 0 .75rem .75rem; }
summary span { color: var(--quiet); }
.method { color: var(--accent); font-weight: 600; width: 3.9rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
summary code { font-size: 14px; }
pre { background: var(--box); border-radius: 6px; padding: .6rem .75rem; margin: .25rem 0;
  overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .3rem .75rem .3rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
@media (max-width: 480px) { td { display: block; border-top: 0; padding: 0; }
  td:first-child { border-top: 1px solid var(--line); padding-top: .4rem; } }
"""


def page(schema: dict[str, Any], base: str) -> str:
    """Return the page.

    Args:
        schema: the OpenAPI document.
        base: what stands before the paths, such as `/cocosift/api/v1`.
    """
    info = schema["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title>"
        f'<link rel="stylesheet" href="{escape(base)}/docs.css"></head><body><main>'
        f"<h1>{escape(info['title'])} API, version {escape(info['version'])}</h1>"
        f"<p>{escape(info['summary'])}</p>{_text(info['description'])}"
        f"<p>Paths begin with <code>{escape(base)}</code>. For machines: "
        f'<a href="{escape(base)}/openapi.json">openapi.json</a></p>'
        f"<pre>curl -H &quot;Authorization: Bearer $COCOSIFT_TOKEN&quot; "
        f"$COCOSIFT_URL{PREFIX}/datasets</pre>"
        + "".join(_sections(schema))
        + "</main></body></html>"
    )


def _sections(schema: dict[str, Any]) -> Iterator[str]:
    for tag in schema["tags"]:
        name = tag["name"]
        yield f'<h2 id="{escape(name)}">{escape(name.capitalize())}</h2>'
        yield _text(tag["description"])
        for path, methods in schema["paths"].items():
            for method in _METHODS:
                if name in methods.get(method, {}).get("tags", ()):
                    yield _operation(schema, path, method, methods[method])


def _operation(schema: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> str:
    scopes = [scope for one in told.get("security", ()) for of in one.values() for scope in of]
    parts = [
        f'<details><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code><span>{escape(told['summary'])}</span></summary><div>",
        _text(told.get("description", "")),
    ]
    if scopes:
        parts.append(f"<p>Needs the right to <code>{escape(' '.join(scopes))}</code>.</p>")
    if rows := [_parameter(one) for one in told.get("parameters", ())]:
        parts.append(f"<h3>Parameters</h3><table>{''.join(rows)}</table>")
    parts.append(_body(schema, told))
    parts.append(f"<h3>Example</h3><pre>{escape(_curl(schema, path, method, told))}</pre>")
    answers = [code for code in told["responses"] if code.startswith("2")]
    parts.append(f"<h3>Answers</h3>{_answer(schema, told['responses'][answers[0]], answers[0])}")
    return "".join([*parts, "</div></details>"])


def _parameter(one: dict[str, Any]) -> str:
    schema = one.get("schema", {})
    kind = _kind(schema)
    needed = ", needed" if one.get("required") and one["in"] != "path" else ""
    default = schema.get("default")
    usual = "" if default in (None, "") else f" Usually {json.dumps(default)}."
    said = one.get("description") or schema.get("description", "")
    return (
        f"<tr><td><code>{escape(one['name'])}</code></td>"
        f"<td>{escape(kind + needed)}. {_marked(said)}{escape(usual)}</td></tr>"
    )


def _body(schema: dict[str, Any], told: dict[str, Any]) -> str:
    content = told.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    kind, body = next(iter(content.items()))
    found = _resolved(schema, body["schema"])
    rows = [
        f"<tr><td><code>{escape(name)}</code></td><td>"
        f"{escape(_kind(_resolved(schema, one)))}"
        f"{', needed' if name in found.get('required', ()) else ''}. "
        f"{_marked(_resolved(schema, one).get('description', '') or one.get('description', ''))}"
        "</td></tr>"
        for name, one in found.get("properties", {}).items()
    ]
    return f"<h3>Body: {escape(kind)}</h3><table>{''.join(rows)}</table>"


def _answer(schema: dict[str, Any], told: dict[str, Any], code: str) -> str:
    content = told.get("content", {})
    kind = next(iter(content), "nothing")
    found = _resolved(schema, content.get(kind, {}).get("schema", {}))
    names = ", ".join(found.get("properties", {}))
    said = f": {names}" if names else ""
    return f"<p><code>{code}</code> {escape(kind)}{escape(said)}</p>"


def _curl(schema: dict[str, Any], path: str, method: str, told: dict[str, Any]) -> str:
    for one in told.get("parameters", ()):
        if one["in"] == "path":
            examples = one.get("schema", {}).get("examples") or [f"{one['name'].upper()}"]
            path = path.replace(f"{{{one['name']}}}", str(examples[0]))
    line = "curl" if method == "get" else f"curl -X {method.upper()}"
    content = told.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        line += f" -H 'Content-Type: {kind}'"
        example = _example(schema, body["schema"], 0)
        line += (
            f" -d '{json.dumps(example)}'" if isinstance(example, dict) else " --data-binary @FILE"
        )
        break
    if method in ("patch", "delete") and path.startswith("/subsets/"):
        line += " -H 'If-Match: \"1-1\"'"
    needed = [
        f"{one['name']}=1"
        for one in told.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    ]
    asked = "?" + "&".join(needed) if needed else ""
    return f'{line} "$COCOSIFT_URL{PREFIX}{path}{asked}"'


def _example(schema: dict[str, Any], told: dict[str, Any], depth: int) -> Any:
    """A value that the schema allows: its example, or what it needs."""
    found = _resolved(schema, told)
    if found.get("examples"):
        return found["examples"][0]
    if found.get("enum"):
        return found["enum"][0]
    if found.get("type") == "object" and depth < _DEEPEST:
        needed = found.get("required") or [
            name for name in ("image_ids", "name") if name in found.get("properties", {})
        ]
        return {
            name: _example(schema, found["properties"][name], depth + 1)
            for name in needed
            if name in found.get("properties", {})
        }
    if found.get("type") == "array":
        least = max(1, found.get("minItems", 1))
        return [_example(schema, found.get("items", {}), depth + 1)] * least
    return {"integer": 1, "number": 1.0, "boolean": True, "string": "text"}.get(
        str(found.get("type")), "FILE"
    )


def _resolved(schema: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference, or a choice with null, means."""
    while True:
        if "$ref" in told:
            told = schema["components"]["schemas"][told["$ref"].rsplit("/", 1)[1]]
        elif "anyOf" in told:
            more = {name: value for name, value in told.items() if name != "anyOf"}
            told = {**next(one for one in told["anyOf"] if one.get("type") != "null"), **more}
        else:
            return told


def _kind(told: dict[str, Any]) -> str:
    if told.get("enum"):
        return " or ".join(map(str, told["enum"]))
    if "anyOf" in told:
        return _kind(next(one for one in told["anyOf"] if one.get("type") != "null"))
    kind = told.get("type", told.get("title", "value"))
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    bounds = [
        f"{words} {told[name]:,.0f}"
        for name, words in (("minimum", "from"), ("maximum", "to"))
        if name in told and told[name] < 2**31 - 1
    ]
    return " ".join([text, *bounds])


def _text(said: str) -> str:
    blocks = [" ".join(block.split()) for block in said.split("\n\n")]
    return "".join(f"<p>{_marked(block)}</p>" for block in blocks if block)


def _marked(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return "".join(
        f"<code>{escape(part)}</code>" if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    )
