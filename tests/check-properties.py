#!/usr/bin/env python3
"""Every property of the runtime-spec's schema is in tests/configs/every-property.json, so that
test_load can see each of them land in struct ctr_spec; and what `ctr features` writes fits its schema."""
import json
import os
import re
import subprocess
import sys

here = os.path.dirname(os.path.realpath(__file__))
schema_dir = os.path.join(here, "schema")
files = {}
# Documents of other platforms, which the schema directory leaves out.
other_platforms = {"windows", "solaris", "zos", "freebsd"}


def load(name):
    if name not in files:
        with open(os.path.join(schema_dir, name), encoding="utf-8") as f:
            files[name] = json.load(f)
    return files[name]


def resolve(node, name):
    """Follow $ref; the node and the file it is in."""
    while "$ref" in node:
        target, _, path = node["$ref"].partition("#")
        name = target or name
        node = load(name)
        for part in path.strip("/").split("/"):
            node = node[part]
    return node, name


def flatten(node, name):
    """The node and what it is composed of."""
    node, name = resolve(node, name)
    yield node, name
    for part in node.get("allOf", []) + node.get("anyOf", []):
        yield from flatten(part, name)


def values_at(samples):
    return [item for sample in samples if isinstance(sample, list) for item in sample]


def walk(node, name, samples, path, missing):
    """Note in `missing` each property of the schema that no value of `samples` has."""
    for part, where in flatten(node, name):
        for key, child in part.get("properties", {}).items():
            here_path = f"{path}.{key}" if path else key
            found = [s[key] for s in samples if isinstance(s, dict) and key in s]
            if not found:
                missing.append(here_path)
            elif key not in other_platforms or path:
                walk(child, where, found, here_path, missing)
        items = part.get("items")
        for child in items if isinstance(items, list) else [items] if items else []:
            walk(child, where, values_at(samples), path + "[]", missing)
        more = part.get("additionalProperties")
        if isinstance(more, dict):
            found = [v for s in samples if isinstance(s, dict) for v in s.values()]
            walk(more, where, found, path + ".*", missing)


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def check(node, name, value, path, wrong):
    """As much of JSON schema as the features document needs."""
    for part, where in flatten(node, name):
        kind = part.get("type")
        if kind and not isinstance(value, TYPES[kind]):
            wrong.append(f"{path} is no {kind}")
            continue
        if "enum" in part and value not in part["enum"]:
            wrong.append(f"{path}: {value!r} is not in the schema's list")
        if "pattern" in part and not re.search(part["pattern"], value):
            wrong.append(f"{path}: {value!r} does not match {part['pattern']}")
        for key in part.get("required", []):
            if key not in value:
                wrong.append(f"{path}.{key} is missing")
        for key, child in part.get("properties", {}).items():
            if key in value:
                check(child, where, value[key], f"{path}.{key}", wrong)
        if isinstance(part.get("items"), dict):
            for i, item in enumerate(value):
                check(part["items"], where, item, f"{path}[{i}]", wrong)


def result(number, name, complaints):
    print(f"{'not ok' if complaints else 'ok'} {number} - {name}")
    for line in complaints:
        print("#", line)
    return bool(complaints)


def main():
    with open(os.path.join(here, "configs", "every-property.json"), encoding="utf-8") as f:
        sample = json.load(f)
    missing = []
    walk(load("config-schema.json"), "config-schema.json", [sample], "", missing)
    print("1..2")
    failed = result(1, "every property of the schema is in every-property.json", missing)

    ctr = os.environ.get("CTR", "ctr")
    wrong = []
    try:
        run = subprocess.run([ctr, "features"], capture_output=True, text=True, check=False)
        features = json.loads(run.stdout)
    except (OSError, ValueError):
        print("ok 2 - ctr features fits its schema # SKIP there is no `ctr features`")
    else:
        check(load("features-schema.json"), "features-schema.json", features, "features", wrong)
        failed |= result(2, "ctr features fits its schema", wrong)
    sys.exit(failed)


main()
