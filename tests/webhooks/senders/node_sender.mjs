// Signs one message with npm's libraries and with Node's own crypto, in each spelling of the secret; and reads what the
// partner simulator signed. Reads a request as JSON from standard input, and prints the answer as JSON.
import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const libraries = { 'standardwebhooks (npm)': require('standardwebhooks').Webhook, 'svix (npm)': require('svix').Webhook };

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { secrets, id, timestamp, body, received } = JSON.parse(Buffer.concat(chunks));

function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

const signatures = {};
const verified = {};
for (const [name, Webhook] of Object.entries(libraries)) {
  signatures[name] = secrets.map((secret) => attempt(() => new Webhook(secret).sign(id, new Date(timestamp * 1000), body)));
  verified[name] = received.map(({ secret, headers, body: text }) => attempt(() => new Webhook(secret).verify(text, headers)) !== null);
}

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const own = signWith(null, Buffer.from(`${id}.${timestamp}.${body}`), privateKey).toString('base64');
const raw = publicKey.export({ format: 'jwk' }).x;
console.log(JSON.stringify({ signatures, verified, ed25519: { signature: `v1a,${own}`, key: `whpk_${raw}` } }));
