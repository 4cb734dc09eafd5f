"""Reads a CloudFormation template strictly, and holds it against what AWS itself says about resources and actions.

Resources, properties, their types and attributes come from @aws-cdk/aws-service-spec, AWS's registry of resource
types as an npm package; the actions of policies from the operations in botocore's models.  lint(text) is a list of
faults in words.
"""

import functools
import gzip
import json
import os
import re

import botocore.loaders
import yaml

from emulators import MODULES

DATABASE = os.path.join(MODULES, "@aws-cdk", "aws-service-spec", "db.json.gz")

# Those the simulated AWS knows too; HACKING.md says the same.
FUNCTIONS = {"Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If"}
CONDITION_FUNCTIONS = {"Ref", "Fn::Equals", "Fn::Not"}
PSEUDO = {"AWS::AccountId", "AWS::NoValue", "AWS::Partition", "AWS::Region"}
PARAMETER_KEYS = {"Type", "Default", "AllowedPattern", "AllowedValues", "Description", "MinValue", "MaxValue"}
PARAMETER_TYPES = {"String", "Number", "CommaDelimitedList"}
SECTIONS = {"AWSTemplateFormatVersion", "Description", "Parameters", "Conditions", "Resources", "Outputs"}
RESOURCE_KEYS = {"Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Properties"}
POLICY_KEYS = {"Version", "Statement"}
STATEMENT_KEYS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
CONDITION_OPERATORS = {"StringEquals", "ArnLike", "ArnEquals"}
CONDITION_KEYS = {"aws:SourceArn", "aws:SourceAccount"}


class Loader(yaml.SafeLoader):
    """YAML with !Ref, !Sub...; a key that stands twice is refused."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"'{name}' stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _function(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", _function)
# "2012-10-17" without quotes is a date to YAML 1.1 and a text to CloudFormation.
Loader.yaml_implicit_resolvers = {key: [(tag, regexp) for tag, regexp in rows if tag != "tag:yaml.org,2002:timestamp"]
                                  for key, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load(text):
    return yaml.load(text, Loader)


@functools.lru_cache(None)
def registry():
    with gzip.open(DATABASE) as file:
        schema = json.load(file)["schema"]
    resources = {row["cloudFormationType"]: row for row in schema["resource"]["entities"]}
    types = {row["$id"]: row for row in schema["typeDefinition"]["entities"]}
    return resources, types


@functools.lru_cache(None)
def operations(service):
    loader = botocore.loaders.Loader()
    name = {"monitoring": "cloudwatch"}.get(service, service)
    return set(loader.load_service_model(name, "service-2")["operations"])


def function_of(value):
    """("Ref", argument) for {"Ref": argument}; None for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        if name in ("Ref", "Condition") or name.startswith("Fn::"):
            return name, value[name]
    return None


class Lint:
    def __init__(self, text):
        self.faults = []
        self.used = set()  # parameters and conditions
        try:
            self.template = load(text)
        except yaml.YAMLError as error:
            self.template = {}
            self.fault("template", f"no YAML: {error}")
            return
        for name in ("Parameters", "Conditions", "Resources", "Outputs"):
            setattr(self, name.lower(), self.template.get(name, {}))
        self.keys("template", self.template, SECTIONS)
        if self.template.get("AWSTemplateFormatVersion") != "2010-09-09":
            self.fault("template", "AWSTemplateFormatVersion is not 2010-09-09")
        self.read_parameters()
        for name, condition in self.conditions.items():
            self.value(f"condition {name}", condition, CONDITION_FUNCTIONS)
        for name, resource in self.resources.items():
            self.read_resource(name, resource)
        for name, output in self.outputs.items():
            self.keys(f"output {name}", output, {"Description", "Value"})
            self.value(f"output {name}", output.get("Value"), FUNCTIONS)
        for name in list(self.parameters) + list(self.conditions):
            if name not in self.used:
                self.fault(name, "is declared and never used")
        if len(text.encode()) > 51200:
            self.fault("template", "is larger than 51,200 bytes")

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def keys(self, where, mapping, allowed):
        for name in mapping:
            if name not in allowed:
                self.fault(where, f"'{name}' is unknown")

    # ---- parameters

    def read_parameters(self):
        for name, parameter in self.parameters.items():
            self.keys(f"parameter {name}", parameter, PARAMETER_KEYS)
            if parameter.get("Type") not in PARAMETER_TYPES:
                self.fault(f"parameter {name}", f"type {parameter.get('Type')} is unknown")
            allowed = parameter.get("AllowedValues", [])
            default = parameter.get("Default")
            for value in allowed + ([default] if default is not None else []):
                if parameter.get("Type") == "String" and not isinstance(value, str):
                    self.fault(f"parameter {name}", f"{value!r} is not a text: quote it")
            if default is not None and allowed and default not in allowed:
                self.fault(f"parameter {name}", f"its default {default!r} is not allowed")
            pattern = parameter.get("AllowedPattern")
            if pattern is not None and default is not None and not re.fullmatch(pattern, default):
                self.fault(f"parameter {name}", f"its default {default!r} does not match {pattern}")

    # ---- functions

    def value(self, where, value, functions):
        """References in any value are to something that is there."""
        if isinstance(value, list):
            for item in value:
                self.value(where, item, functions)
        found = function_of(value)
        if found is not None:
            self.call(where, *found, functions)
        elif isinstance(value, dict):
            for key, item in value.items():
                self.value(f"{where}.{key}", item, functions)

    def call(self, where, name, argument, functions):
        if name not in functions:
            self.fault(where, f"function {name} is not one of ours here")
        elif name == "Ref":
            self.reference(where, argument)
        elif name == "Fn::Sub":
            if not isinstance(argument, str):
                self.fault(where, "Fn::Sub takes a text")
                return
            for variable in re.findall(r"\$\{([^}]*)\}", argument):
                self.reference(where, variable)
        elif name == "Fn::GetAtt":
            self.attribute(where, argument)
        elif name == "Fn::If":
            if not isinstance(argument, list) or len(argument) != 3 or argument[0] not in self.conditions:
                self.fault(where, "Fn::If takes a condition that is declared and two values")
                return
            self.used.add(argument[0])
            self.value(where, argument[1:], functions)
        else:
            count = {"Fn::Equals": 2, "Fn::Not": 1}[name]
            if not isinstance(argument, list) or len(argument) != count:
                self.fault(where, f"{name} takes {count} value(s)")
            self.value(where, argument, functions)

    def reference(self, where, name):
        self.used.add(name)
        if name not in self.parameters and name not in self.resources and name not in PSEUDO:
            self.fault(where, f"there is no '{name}' to refer to")

    def attribute(self, where, argument):
        resource, name = argument
        if resource not in self.resources:
            self.fault(where, f"there is no '{resource}' to refer to")
            return
        spec = registry()[0].get(self.resources[resource].get("Type"), {})
        if name not in spec.get("attributes", {}):
            self.fault(where, f"'{resource}' has no attribute '{name}'")

    # ---- resources

    def read_resource(self, name, resource):
        where = f"resource {name}"
        self.keys(where, resource, RESOURCE_KEYS)
        condition = resource.get("Condition")
        if condition is not None:
            self.used.add(condition)
            if condition not in self.conditions:
                self.fault(where, f"there is no condition '{condition}'")
        for other in [resource["DependsOn"]] if isinstance(resource.get("DependsOn"), str) else resource.get(
                "DependsOn", []):
            if other not in self.resources:
                self.fault(where, f"depends on '{other}', which is not there")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy, "Delete") not in ("Delete", "Retain"):
                self.fault(where, f"{policy} is {resource[policy]}")
        spec = registry()[0].get(resource.get("Type"))
        if spec is None:
            self.fault(where, f"type {resource.get('Type')} is unknown")
            return
        self.value(where, resource.get("Properties", {}), FUNCTIONS)
        self.properties(where, resource.get("Properties", {}), spec["properties"], spec)

    def properties(self, where, values, known, spec):
        for name, prop in known.items():
            if prop.get("required") and name not in values:
                self.fault(where, f"'{name}' is missing")
        for name, value in values.items():
            if name not in known:
                self.fault(where, f"{spec.get('cloudFormationType', spec['name'])} has no property '{name}'")
            elif name == "PolicyDocument":
                self.policy(f"{where}.{name}", value)
            else:
                self.typed(f"{where}.{name}", value, known[name]["type"])

    def typed(self, where, value, wanted):
        found = function_of(value)
        kind = wanted["type"]
        if found is not None and found[0] == "Fn::If":
            for branch in found[1][1:]:
                self.typed(where, branch, wanted)
        elif found is not None:
            self.typed_reference(where, found, kind)
        elif kind == "array":
            if not isinstance(value, list):
                self.fault(where, "is no list")
                return
            for item in value:
                self.typed(where, item, wanted["element"])
        elif kind == "ref":
            definition = registry()[1][wanted["reference"]["$ref"]]
            if isinstance(value, dict):
                self.properties(where, value, definition["properties"], definition)
            else:
                self.fault(where, f"is no {definition['name']}")
        elif kind == "union":
            if all(Trial(self, where, value, option).faults for option in wanted["types"]):
                self.fault(where, "is of none of the types it may have")
        elif kind == "string":
            allowed = wanted.get("allowedValues")
            if not isinstance(value, str):
                self.fault(where, f"{value!r} is no text")
            elif allowed and value not in allowed:
                self.fault(where, f"{value!r} is none of {allowed}")
        elif not isinstance(value, {"integer": int, "number": (int, float), "boolean": bool, "json": dict}[kind]):
            self.fault(where, f"{value!r} is no {kind}")

    def typed_reference(self, where, found, kind):
        """A list where a list is wanted, a number where a number is."""
        name, argument = found
        parameter = self.parameters.get(argument, {}).get("Type") if name == "Ref" else None
        if argument == "AWS::NoValue":
            return
        if kind == "array" and parameter != "CommaDelimitedList":
            self.fault(where, "is no list")
        if kind in ("integer", "number") and parameter != "Number":
            self.fault(where, "is no number")
        if kind == "string" and parameter == "CommaDelimitedList":
            self.fault(where, "is a list")

    # ---- policies

    def policy(self, where, document):
        self.keys(where, document, POLICY_KEYS)
        if document.get("Version") != "2012-10-17":
            self.fault(where, "its version is not 2012-10-17")
        for statement in document.get("Statement", []):
            place = f"{where}.{statement.get('Sid')}"
            self.keys(place, statement, STATEMENT_KEYS)
            for name in ("Effect", "Action", "Resource"):
                if name not in statement:
                    self.fault(place, f"'{name}' is missing")
            if statement.get("Effect") not in ("Allow", "Deny"):
                self.fault(place, f"effect {statement.get('Effect')}")
            for action in actions_of(statement):
                service, _, operation = action.partition(":")
                try:
                    known = operation in operations(service)
                except botocore.exceptions.UnknownServiceError:
                    known = False
                if not known:
                    self.fault(place, f"there is no action '{action}'")
            for operator, tests in statement.get("Condition", {}).items():
                if operator not in CONDITION_OPERATORS:
                    self.fault(place, f"condition operator '{operator}'")
                self.keys(place, tests, CONDITION_KEYS)


class Trial(Lint):
    """One option of a union, tried."""

    def __init__(self, lint, where, value, wanted):
        self.__dict__.update(lint.__dict__)
        self.faults = []
        self.typed(where, value, wanted)


def actions_of(statement):
    actions = statement.get("Action", [])
    return [actions] if isinstance(actions, str) else actions


def allowed_by(template, resource):
    """{action: the resources it is allowed on} of a managed policy."""
    found = {}
    for statement in template["Resources"][resource]["Properties"]["PolicyDocument"]["Statement"]:
        for action in actions_of(statement):
            found.setdefault(action, []).append(statement["Resource"])
    return found


def lint(text):
    return Lint(text).faults
