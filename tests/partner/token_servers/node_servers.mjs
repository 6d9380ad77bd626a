// Three token endpoints of Node's packages, each with the client that the arguments name. Prints their URLs as JSON, and
// serves until its standard input ends.
import { createServer } from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';
import { OAuth2Server as MockServer } from 'oauth2-mock-server';
import Provider from 'oidc-provider';

const [clients, scope] = [JSON.parse(process.argv[2]), process.argv[3]];

function listen(server) {
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));
}

// A client of oidc-provider has one method; the second one of each pair is for `post`.
async function oidcProvider() {
  const server = createServer();
  const url = await listen(server);
  const registered = clients.flatMap(({ id, secret }) => ['client_secret_basic', 'client_secret_post'].map((method) => ({
    client_id: method === 'client_secret_post' ? `${id}-post` : id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: method,
  })));
  const provider = new Provider(url, {
    clients: registered,
    scopes: [scope],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  });
  server.on('request', provider.callback());
  return `${url}/token`;
}

async function nodeOAuth() {
  const oauth = new OAuth2Server({
    model: {
      getClient: async (id, secret) => (
        clients.some((one) => one.id === id && one.secret === secret) ? { id, grants: ['client_credentials'] } : false
      ),
      getUserFromClient: async () => ({}),
      saveToken: async (token, client, user) => ({ ...token, client, user }),
      validateScope: async (user, client, asked) => asked,
    },
  });
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    const { headers, method } = request;
    const answer = new OAuth2Server.Response({});
    await oauth.token(new OAuth2Server.Request({ headers, method, query: {}, body }), answer).catch(() => {});
    response.writeHead(answer.status, { ...answer.headers, 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  return `${await listen(server)}/token`;
}

async function mockServer() {
  const server = new MockServer();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  return `http://127.0.0.1:${server.address().port}/token`;
}

const urls = {
  'oidc-provider': await oidcProvider(),
  '@node-oauth/oauth2-server': await nodeOAuth(),
  'oauth2-mock-server': await mockServer(),
};
console.log(JSON.stringify(urls));
process.stdin.on('end', () => process.exit(0)).resume();
