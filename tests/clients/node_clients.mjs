// Run by the clients' own Node: asks as it is told, a line of JSON each, by the client that is named.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'

const [folder] = process.argv.slice(2)
const packages = createRequire(`${folder}/`)
const load = async (name) => await import(pathToFileURL(packages.resolve(name)))
const { Agent, cacheStores, interceptors, request } = await load('undici')
const { default: got } = await load('got')
const { default: fetch } = await load('make-fetch-happen')

const dispatcher = new Agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore() }))
const cached = fetch.defaults({ cachePath: 'copies', retry: false })
const copies = new Map()

const clients = {
  async undici(url, headers) {
    const answer = await request(url, { dispatcher, headers })
    const raw = Buffer.from(await answer.body.arrayBuffer())
    const body = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
    return [answer.statusCode, answer.headers, body.toString()]
  },
  async got(url, headers) {
    const answer = await got(url, { cache: copies, headers, retry: { limit: 0 }, throwHttpErrors: false })
    return [answer.statusCode, answer.headers, answer.body]
  },
  async 'make-fetch-happen'(url, headers) {
    const answer = await cached(url, { headers })
    return [answer.status, Object.fromEntries(answer.headers), await answer.text()]
  }
}
// The clock that all processes of the machine share.
const now = () => Number(process.hrtime.bigint()) / 1e9

async function answer({ id, client, url, headers }) {
  const told = { id, started_s: now(), status: 0, headers: {}, body: '' }
  try {
    ;[told.status, told.headers, told.body] = await clients[client](url, headers)
  } catch (error) {
    told.error = String(error)
  }
  told.ended_s = now()
  console.log(JSON.stringify(told))
}

for await (const line of createInterface({ input: process.stdin })) answer(JSON.parse(line))
