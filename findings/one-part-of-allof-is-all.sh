#!/usr/bin/env bash
# openapi-python-client drops the properties that stand beside an `allOf` of one part, and warns of nothing.
#
# Expected:  a schema with `properties` and `allOf: [a reference]` has both, in any draft of JSON Schema and any version of
#            OpenAPI; it is how documents say that one type has all of another and more.
# Observed:  with one part in `allOf` the schema is taken for that part alone. No class is made for it, every use of it is
#            the other class, and `--fail-on-warning` ends with 0. The same properties as a second part of `allOf` make
#            the class that one expects. datamodel-code-generator reads both forms alike.
# Versions:  openapi-python-client 0.29.1, datamodel-code-generator 0.89.0 (PyPI)
# For us:    each problem repeats in its schema what all problems have, without `allOf` (tests/web/test_openapi_document.py);
#            docs/api.md ("Clients made by tools") has what is made of it.
# Source:    openapi-generators/openapi-python-client pull request 350: an `allOf`, `anyOf` or `oneOf` of one model is that
#            model, so that a description beside a reference makes no class
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'openapi-python-client==0.29.1' 'datamodel-code-generator==0.89.0'

cd "$folder"
cat >farm.json <<'JSON'
{"openapi": "3.1.0", "info": {"title": "Farm", "version": "1"},
 "paths": {"/crops": {"get": {"operationId": "crops", "responses": {
   "400": {"description": "wrong", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Beside"}}}},
   "404": {"description": "none", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Within"}}}}}}}},
 "components": {"schemas": {
   "Problem": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}},
   "Beside": {"type": "object", "required": ["fault"], "properties": {"fault": {"type": "string"}},
              "allOf": [{"$ref": "#/components/schemas/Problem"}]},
   "Within": {"allOf": [{"$ref": "#/components/schemas/Problem"},
                        {"type": "object", "required": ["fault"], "properties": {"fault": {"type": "string"}}}]}}}}
JSON
echo 'post_hooks: []' >config.yml
venv/bin/openapi-python-client generate --fail-on-warning --config config.yml --meta none \
  --path farm.json --output-path farm >/dev/null
venv/bin/datamodel-codegen --input farm.json --input-file-type openapi --output models.py \
  --output-model-type pydantic_v2.BaseModel 2>/dev/null
venv/bin/python - <<'PYTHON'
import httpx

import models
from farm import Client
from farm.api.default import crops
from farm.models import Problem, Within

transport = {400: httpx.MockTransport(lambda _: httpx.Response(400, json={"title": "Wrong", "fault": "limit"})),
             404: httpx.MockTransport(lambda _: httpx.Response(404, json={"title": "None", "fault": "address"}))}


def answer(status):
    client = Client("http://farm").set_httpx_client(httpx.Client(base_url="http://farm", transport=transport[status]))
    return crops.sync(client=client)


wrong, none = answer(400), answer(404)
assert type(wrong) is Problem and not hasattr(wrong, "fault"), wrong
assert wrong.additional_properties == {"fault": "limit"}, wrong
assert type(none) is Within and none.fault == "address", none
assert set(models.Beside.model_fields) == set(models.Within.model_fields) == {"title", "fault"}
print("as observed: beside an allOf of one part `fault` is no attribute, within an allOf of two parts it is")
PYTHON
