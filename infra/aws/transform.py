"""Turns SAM templates into CloudFormation as AWS does, without calling AWS.

Usage: transform.py TEMPLATE... prints {TEMPLATE: {"template": {…}} or {"error": "…"}}.

A CodeUri on this machine stays readable: SAM takes S3 locations only, so that
../../bin/package/x.zip becomes bucket "local", key "../../bin/package/x.zip".
"""

import json
import sys

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def transform(path):
    with open(path, encoding="utf-8") as file:
        document = yaml_parse(file)
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource.get("Type") == "AWS::Serverless::Function" and isinstance(properties.get("CodeUri"), str):
            properties["CodeUri"] = {"Bucket": "local", "Key": properties["CodeUri"]}
    session = boto3.Session(region_name="eu-west-1")
    try:
        return {"template": Translator({}, Parser(), boto_session=session).translate(document, {})}
    except InvalidDocumentException as e:
        return {"error": "; ".join([e.message, *(cause.message for cause in e.causes)])}


json.dump({path: transform(path) for path in sys.argv[1:]}, sys.stdout)
