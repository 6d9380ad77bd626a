#!/usr/bin/env bash
# Six of eight tools that make clients from OpenAPI write other queries than the document says.
#
# Expected:  a parameter's `style` and `explode` say how a list or an object stands in the query, and a client that is made
#            from the document writes it so: ids=3,1 for "explode": false, near=18.5|73.8 for pipeDelimited,
#            price[min]=4 for deepObject. What a tool cannot do it says when it makes the client.
# Observed:  openapi-python-client, openapi-typescript-codegen, swagger-typescript-api and openapi-fetch repeat each list,
#            ids=3&ids=1, of which a server that splits at commas sees one. openapi-python-client writes the object as
#            min=4&max=9, other parameters; swagger-typescript-api as price=[object Object]. openapi-client-axios puts []
#            behind the name of every list, also of one by the default style. orval has commas where the document has
#            bars, and encodes them all alike, so that ["a,b", "c"] comes as three. None of them warns of it. oazapfts
#            and @hey-api/openapi-ts write all five parameters as the document says.
# Versions:  openapi-python-client 0.29.1 on httpx 0.28.1 (PyPI); openapi-typescript-codegen 0.31.0,
#            swagger-typescript-api 13.13.0, openapi-fetch 0.17.0, openapi-client-axios 7.9.1 on axios 1.21.1,
#            orval 8.38.0, oazapfts 7.5.0 with @oazapfts/runtime 1.2.0, @hey-api/openapi-ts 0.95.0; run by tsx 4.23.15
#            and typescript 5.9.3 (npm)
# For us:    the lists of our document are `form` and exploded, and say so: the one way that all but one of these write
#            right, and of that one we take the [] (docs/api.md, "Clients made by tools";
#            tests/web/test_openapi_document.py).
# Source:    OpenAPI 3.1.1, "Style Values" and "Style Examples" of the Parameter Object; openapi-python-client issue 197
#            and openapi-typescript-codegen issue 654, both open; orval pull request 1604; openapi-fetch knows types alone
#            when it asks, and has a setting, querySerializer
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'openapi-python-client==0.29.1' 'httpx==0.28.1'
npm install --silent --no-audit --no-fund --prefix "$folder" 'openapi-typescript-codegen@0.31.0' \
  'swagger-typescript-api@13.13.0' 'openapi-fetch@0.17.0' 'openapi-client-axios@7.9.1' 'axios@1.21.1' 'orval@8.38.0' \
  'oazapfts@7.5.0' '@oazapfts/runtime@1.2.0' '@hey-api/openapi-ts@0.95.0' 'tsx@4.23.15' 'typescript@5.9.3' >/dev/null

cd "$folder"
cat >document.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Shop", "version": "1"},
  "servers": [{"url": "http://127.0.0.1:1"}],
  "paths": {"/products": {"get": {
    "operationId": "listProducts",
    "tags": ["shop"],
    "parameters": [
      {"name": "ids", "in": "query", "style": "form", "explode": false,
       "schema": {"type": "array", "items": {"type": "integer"}}},
      {"name": "names", "in": "query", "style": "form", "explode": false,
       "schema": {"type": "array", "items": {"type": "string"}}},
      {"name": "near", "in": "query", "style": "pipeDelimited", "explode": false,
       "schema": {"type": "array", "items": {"type": "number"}}},
      {"name": "price", "in": "query", "style": "deepObject", "explode": true,
       "schema": {"type": "object", "properties": {"min": {"type": "number"}, "max": {"type": "number"}}}},
      {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}
    ],
    "responses": {"200": {"description": "Products", "content": {"application/json": {"schema": {"type": "object"}}}}}
  }}}
}
JSON
tools=node_modules/.bin
{
  venv/bin/openapi-python-client generate --path document.json --meta none --output-path made
  "$tools/openapi" --input document.json --output codegen --client fetch
  "$tools/swagger-typescript-api" generate -p document.json -o . -n swagger.ts
  "$tools/orval" --input document.json --output orval.ts --client fetch
  "$tools/oazapfts" document.json oazapfts.ts
  "$tools/openapi-ts" -i document.json -o hey
} >made.log 2>&1
if grep -Ei 'explode|style|deepObject|pipeDelimited' made.log; then
  echo "a tool warns of it now" >&2
  exit 1
fi

echo '{"type": "module"}' >package.json
cat >ask.ts <<'TYPESCRIPT'
// @ts-nocheck
import { readFileSync } from 'node:fs'
import { OpenAPIClientAxios } from 'openapi-client-axios'
import createClient from 'openapi-fetch'
import { OpenAPI, ShopService } from './codegen/index.ts'
import { client } from './hey/client.gen.ts'
import * as hey from './hey/sdk.gen.ts'
import * as oazapfts from './oazapfts.ts'
import * as orval from './orval.ts'
import { Api } from './swagger.ts'

const base = process.argv[2]
const query = { ids: [3, 1], names: ['a,b', 'c'], near: [18.5, 73.8], price: { min: 4, max: 9 }, tag: ['x', 'y'] }
const urlOf = (name) => `${base}/${name}`
const definition = JSON.parse(readFileSync('document.json', 'utf8'))
definition.servers = [{ url: urlOf('openapi-client-axios') }]

OpenAPI.BASE = urlOf('openapi-typescript-codegen')
await ShopService.listProducts(query.ids, query.names, query.near, query.price, query.tag)
await new Api({ baseUrl: urlOf('swagger-typescript-api') }).products.listProducts(query)
await createClient({ baseUrl: urlOf('openapi-fetch') }).GET('/products', { params: { query } })
await (await new OpenAPIClientAxios({ definition }).init()).listProducts(query)
await fetch(urlOf('orval') + new URL(orval.getListProductsUrl(query), 'http://127.0.0.1').search)
oazapfts.defaults.baseUrl = urlOf('oazapfts')
await oazapfts.listProducts(query)
client.setConfig({ baseUrl: urlOf('@hey-api/openapi-ts') })
await hey.listProducts({ query })
TYPESCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import subprocess
from urllib.parse import unquote

from http_origin import serve
from made import Client
from made.api.shop import list_products
from made.models import ListProductsPrice


queries = {}


def answer(target, _):
    """Keep the query as it came, by the client's name in the path."""
    path, _, query = target.partition("?")
    queries[unquote(path.removeprefix("/").removesuffix("/products"))] = query
    return 200, {"Content-Type": "application/json"}, b"{}"


base = serve(answer)
list_products.sync(
    client=Client(base_url=f"{base}/openapi-python-client"),
    ids=[3, 1],
    names=["a,b", "c"],
    near=[18.5, 73.8],
    price=ListProductsPrice(min_=4, max_=9),
    tag=["x", "y"],
)
subprocess.run(["node_modules/.bin/tsx", "ask.ts", base], check=True)

# In whichever order, and with the brackets and bars escaped or not. A comma within a value has to be escaped.
as_said = {"ids=3,1", "names=a%2Cb,c", "near=18.5|73.8", "price[min]=4", "price[max]=9", "tag=x", "tag=y"}
repeated = {"ids=3", "ids=1", "names=a%2Cb", "names=c", "near=18.5", "near=73.8", "tag=x", "tag=y"}
deep = {"price[min]=4", "price[max]=9"}


def read(query):
    """The parts of a query, unescaped but for commas."""
    return {unquote(part.replace("%2C", "%252C").replace("%2c", "%252C")) for part in query.split("&")}


seen = {name: read(query) for name, query in queries.items()}
assert seen == {
    "openapi-python-client": repeated | {"min=4", "max=9"},
    "openapi-typescript-codegen": repeated | deep,
    "swagger-typescript-api": repeated | {"price=[object Object]"},
    "openapi-fetch": repeated | deep,
    "openapi-client-axios": {part.replace("%2C", ",").replace("=", "[]=") for part in repeated} | deep,
    "orval": {"ids=3%2C1", "names=a%2Cb%2Cc", "near=18.5%2C73.8", "tag=x", "tag=y"} | deep,
    "oazapfts": as_said,
    "@hey-api/openapi-ts": as_said,
}, seen
for name, parts in seen.items():
    print(f"as observed: {name}:", "as the document says" if parts == as_said else "&".join(sorted(parts)))
PYTHON
