#!/usr/bin/env python3
"""Expands a SAM template to plain CloudFormation with the real SAM translator.

    python3 localstack/template/testdata/expand.py in.yaml out.json

Needs `pip install aws-sam-translator==1.110.0`. No AWS account is used: managed policies are not looked up, and a
local CodeUri, which `sam package` would upload, becomes s3://local/<CodeUri>, so that the path survives the expansion.
"""
import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


def upload_nothing(template):
    """Stands in for `sam package`: every local CodeUri becomes an S3 URI that still holds the path."""
    holders = [template.get("Globals", {}).get("Function", {})]
    holders += [r.get("Properties", {}) for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    for holder in holders:
        uri = holder.get("CodeUri")
        if isinstance(uri, str) and not uri.startswith("s3://"):
            holder["CodeUri"] = "s3://local/" + uri
    # Globals.CodeUri of a function that has none of its own needs no treatment: it was changed in place above.
    return template


def main(source, target):
    with open(source, encoding="utf-8") as f:
        template = upload_nothing(yaml_parse(f.read()))
    expanded = Translator({}, Parser()).translate(template, {})
    with open(target, "w", encoding="utf-8") as f:
        json.dump(expanded, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
