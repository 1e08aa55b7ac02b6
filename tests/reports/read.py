"""Reads reports with programs that are not ours: JUnit by its schema, TAP by a parser. Says what it has found as JSON.

read.py SCHEMA JUNIT TAP
"""
import json
import sys

import xmlschema
from tap.parser import Parser

schema, junit, tap = sys.argv[1:]
errors = [str(error) for error in xmlschema.XMLSchema10(schema).iter_errors(junit)]
results = []
with open(tap, encoding="utf-8") as file:
    for line in Parser().parse(file):
        if line.category == "test":
            results.append({
                "ok": line.ok,
                "number": line.number,
                "description": line.description,
                "skip": line.directive.text if line.skip else None,
                "yaml": line.yaml_block,
            })
        elif line.category in ("plan", "version"):
            results.append({line.category: line.expected_tests if line.category == "plan" else line.version})
        else:
            results.append({line.category: str(line)})
json.dump({"errors": errors, "results": results}, sys.stdout)
