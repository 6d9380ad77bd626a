"""A program for each tool: walks through the listing with the client that the tool made, and asks for too little once.

Each prints one line of JSON: the ids of the walk in their order, the districts of a page of two, the parameters that
the refusal names. They get
the service's address as their first argument, those in TypeScript from a file beside them.
"""

OPENAPI_PYTHON_CLIENT = """\
import json
import sys

from farmlokal_client import Client
from farmlokal_client.api.catalogue import list_products, show_product
from farmlokal_client.models import InvalidParameterProblem, ListProductsSort, NotFoundProblem, ProductPage
from farmlokal_client.types import UNSET, Unset

client = Client(base_url=sys.argv[1])
ids: list[int] = []
cursor: str | Unset | None = UNSET
while cursor is not None:
    page = list_products.sync(client=client, sort=ListProductsSort.PRICE_DESC, limit=10, cursor=cursor)
    assert isinstance(page, ProductPage)
    ids += [product.id for product in page.data]
    cursor = page.page.next_cursor
there = list_products.sync(client=client, district=["Pune", "Nashik"], limit=100)
assert isinstance(there, ProductPage)
missing = show_product.sync(client=client, id=999999)
assert isinstance(missing, NotFoundProblem)
refused = list_products.sync(client=client, limit=0)
assert isinstance(refused, InvalidParameterProblem)
districts = [product.district for product in there.data]
print(json.dumps({"ids": ids, "districts": districts, "wrong": [fault.parameter for fault in refused.errors]}))
"""

DATAMODEL_CODE_GENERATOR = """\
import json
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

from farmlokal_models import InvalidParameterProblem, ProductPage, Sort

ids: list[int] = []
question = f"/products?limit=10&sort={Sort.PRICE_DESC.value}"
cursor: str | None = ""
while cursor is not None:
    with urlopen(f"{sys.argv[1]}{question}{cursor and '&cursor='}{cursor}", timeout=20) as answer:
        page = ProductPage.model_validate_json(answer.read())
    ids += [product.id for product in page.data]
    cursor = page.page.next_cursor
with urlopen(f"{sys.argv[1]}/products?district=Pune&district=Nashik&limit=100", timeout=20) as answer:
    districts = [product.district for product in ProductPage.model_validate_json(answer.read()).data]
try:
    urlopen(f"{sys.argv[1]}/products?limit=0", timeout=20)
except HTTPError as error:
    refused = InvalidParameterProblem.model_validate_json(error.read())
print(json.dumps({"ids": ids, "districts": districts, "wrong": [fault.parameter for fault in refused.errors]}))
"""

OPENAPI_TYPESCRIPT = """\
import createClient from "openapi-fetch";
import { BASE } from "./base.js";
import type { paths } from "./openapi_typescript.js";

const client = createClient<paths>({ baseUrl: BASE });
const ids: number[] = [];
for (let cursor: string | undefined | null; cursor !== null; ) {
  const query = { sort: "-price" as const, limit: 10, ...(cursor && { cursor }) };
  const { data, error } = await client.GET("/products", { params: { query } });
  if (!data) throw new Error(error.detail);
  ids.push(...data.data.map((product) => product.id));
  cursor = data.page.next_cursor;
}
const there = await client.GET("/products", { params: { query: { district: ["Pune", "Nashik"], limit: 100 } } });
const districts = there.data?.data.map((product) => product.district);
const { error } = await client.GET("/products", { params: { query: { limit: 0 } } });
if (error?.type !== "/problems/invalid-parameter") throw new Error("another answer");
console.log(JSON.stringify({ ids, districts, wrong: error.errors.map((fault) => fault.parameter) }));
"""

ORVAL = """\
import { ListProductsSort, listProducts } from "./orval.js";

const ids: number[] = [];
for (let cursor: string | undefined | null; cursor !== null; ) {
  const answer = await listProducts({ sort: ListProductsSort.PRICE_DESC, limit: 10, ...(cursor && { cursor }) });
  if (answer.status !== 200) throw new Error(String(answer.status));
  ids.push(...answer.data.data.map((product) => product.id));
  cursor = answer.data.page.next_cursor;
}
const there = await listProducts({ district: ["Pune", "Nashik"], limit: 100 });
if (there.status !== 200) throw new Error(String(there.status));
const districts = there.data.data.map((product) => product.district);
const refused = await listProducts({ limit: 0 });
if (refused.status !== 400 || refused.data.type !== "/problems/invalid-parameter") throw new Error("another answer");
console.log(JSON.stringify({ ids, districts, wrong: refused.data.errors.map((fault) => fault.parameter) }));
"""

SWAGGER_TYPESCRIPT_API = """\
import { BASE } from "./base.js";
import { Api, type HttpResponse, type InvalidParameterProblem } from "./swagger_typescript_api.js";

const { products } = new Api({ baseUrl: BASE });
const ids: number[] = [];
for (let cursor: string | undefined | null; cursor !== null; ) {
  const { data } = await products.listProducts({ sort: "-price", limit: 10, ...(cursor && { cursor }) });
  ids.push(...data.data.map((product) => product.id));
  cursor = data.page.next_cursor;
}
const { data: there } = await products.listProducts({ district: ["Pune", "Nashik"], limit: 100 });
const districts = there.data.map((product) => product.district);
const errorOf = (answer: HttpResponse<unknown, unknown>) => answer.error;
const { errors } = (await products.listProducts({ limit: 0 }).catch(errorOf)) as InvalidParameterProblem;
console.log(JSON.stringify({ ids, districts, wrong: errors.map((fault) => fault.parameter) }));
"""
