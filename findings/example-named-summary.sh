#!/usr/bin/env bash
# datamodel-code-generator refuses a valid OpenAPI document in which an example is named `summary`.
#
# Expected:  the names below `examples` are the author's own, as those of schemas are; what an example is called changes
#            nothing, least of all where only models are made.
# Observed:  with an example named `summary`, `description` or `externalValue` it ends with 2 and four validation errors of
#            the operation, and writes no models; with `total` it makes them, and openapi-spec-validator finds all valid.
#            The map of examples is first read as if it were one example, whose fields have these names.
# Versions:  datamodel-code-generator 0.89.0, openapi-spec-validator 0.7.2 (PyPI)
# For us:    no example of ours has the name of a field of examples (tests/web/test_openapi_document.py); the models of
#            tests/clients/test_generated_clients.py are made of the whole document.
# Source:    OpenAPI 3.1.1, "Media Type Object": `examples` is a map of names to Example or Reference Objects
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'datamodel-code-generator==0.89.0' 'openapi-spec-validator==0.7.2'

cd "$folder"
for name in total summary description externalValue; do
  cat >"$name.json" <<JSON
{"openapi": "3.1.0", "info": {"title": "Farm", "version": "1"},
 "paths": {"/crops": {"get": {"operationId": "crops", "responses": {"200": {"description": "all", "content": {
   "application/json": {"schema": {"\$ref": "#/components/schemas/Crops"},
                        "examples": {"$name": {"value": {"total": 3}}}}}}}}}},
 "components": {"schemas": {
   "Crops": {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}}}}
JSON
  venv/bin/openapi-spec-validator "$name.json" >/dev/null
  status=0
  venv/bin/datamodel-codegen --input "$name.json" --input-file-type openapi --openapi-scopes schemas paths \
    --output "$name.py" --output-model-type pydantic_v2.BaseModel 2>"$name.errors" || status=$?
  made=$(grep -c "class Crops" "$name.py" 2>/dev/null || true)
  echo "$name: exit $status, ${made:-0} class" >>seen
done
diff - seen <<'SEEN'
total: exit 0, 1 class
summary: exit 2, 0 class
description: exit 2, 0 class
externalValue: exit 2, 0 class
SEEN
grep -q "4 validation errors for Operation" summary.errors
echo "as observed: an example may be named total, and none summary, description or externalValue"
