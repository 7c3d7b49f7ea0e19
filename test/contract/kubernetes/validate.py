"""Checks documents against the schemas of Kubernetes, and those of custom kinds against schemas that come with them.

Standard input: {"version": "1.31", "documents": [...], "custom": {"API_VERSION KIND": schema}}
Standard output: [{"document": "KIND NAME", "where": "spec.replicas", "what": "..."}]
"""

import json
import sys

import jsonschema
from kubernetes_validate import utils

given = json.load(sys.stdin)
problems = []
for document in given["documents"]:
    name = f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
    schema = given["custom"].get(f"{document.get('apiVersion')} {document.get('kind')}")
    try:
        if schema is None:
            utils.validate(document, given["version"], strict=True)
        else:
            jsonschema.Draft202012Validator(schema).validate(document)
    except jsonschema.ValidationError as error:
        where = ".".join(str(part) for part in error.path)
        problems.append({"document": name, "where": where, "what": error.message})
    except utils.SchemaNotFoundError as error:
        problems.append({"document": name, "where": "", "what": error.message})
json.dump(problems, sys.stdout)
