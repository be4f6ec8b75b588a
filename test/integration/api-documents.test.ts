// docs/openapi.yaml and docs/asyncapi.yaml: linted, complete, and true of what real processes answer and send.

import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMAND_TYPES } from '../../src/protocol/index.js';
import { ADMIN_KEY, type Cluster, PUBLISH_KEY, startCluster } from '../support/cluster.js';
import { FEEDS, type FeedEvent, SocketClient } from '../support/feed.js';
import { routes } from '../support/routes.js';

const text = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const openapi = parse(text('openapi.yaml'));
const asyncapi = parse(text('asyncapi.yaml'));
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(openapi, 'openapi');
ajv.addSchema(asyncapi, 'asyncapi');

const ERASER = 'key-of-the-tests-that-deletes-0123456789';
const validators = new Map<string, ValidateFunction>();
/** What is wrong with a value; a member that nobody has described is. */
function problemsOf(pointer: string, value: unknown): readonly string[] {
  let validate = validators.get(pointer);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: pointer, ...(typeof value === 'object' && { unevaluatedProperties: false }) });
    validators.set(pointer, validate);
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    return `${pointer} ${instancePath} ${message} ${JSON.stringify(params)}`;
  });
}

const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

describe.each(['openapi.yaml', 'asyncapi.yaml'])('%s', (name) => {
  it('is without a fault for the linter', async () => {
    const config = await createConfig({ extends: ['recommended'], rules: { 'no-server-example.com': 'off' } });
    const found = await lintFromString({ source: text(name), absoluteRef: name, config });
    expect(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
  });
});

it('every route and every message is described, and nothing else', () => {
  expect(Object.keys(openapi.paths).sort()).toEqual(routes());
  const unserved = new Set(['presence']);
  const commands = asyncapi.operations.command.messages.map(({ $ref }: { readonly $ref: string }) =>
    $ref.split('/').at(-1),
  );
  expect(commands.sort()).toEqual(COMMAND_TYPES.filter((type) => !unserved.has(type)).sort());
});

describe('what a cluster says', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    const keys = `${PUBLISH_KEY},name=erasure;key=${ERASER};rights=delete`;
    cluster = await startCluster({ engines: ['uws', 'ws'], env: { FANFARE_PUBLISH_KEY: keys } });
  });
  afterAll(() => cluster?.close());

  /** The statuses that each operation was answered with. */
  const answered = new Map<string, Set<string>>();
  const seen: FeedEvent[] = [];
  const nodeOf = (id: string) => cluster.nodes.get(id)?.url ?? '';
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

  /** Asks, and finds the answer as described; `path` as the document writes it. */
  async function ask(base: string, method: string, path: string, setup: Asked = {}) {
    const { body, headers = {}, params = {}, query = '' } = setup;
    const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const operation = openapi.paths[path][method.toLowerCase()];
    const at = `openapi#/paths/${escaped(path)}/${method.toLowerCase()}`;
    if (body !== undefined && setup.isWrong !== true) {
      expect(problemsOf(`${at}/requestBody/content/application~1json/schema`, body)).toEqual([]);
    }
    const json: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const init = {
      method,
      headers: { ...headers, ...json },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(setup.signal !== undefined && { signal: setup.signal }),
    };
    const response = await fetch(`${base}${target}${query}`, init);
    const status = String(response.status);
    const known = status in operation.responses ? status : `${status[0]}XX`;
    expect([path, status, known in operation.responses]).toEqual([path, status, true]);
    const operationName = `${method} ${path}`;
    answered.set(operationName, (answered.get(operationName) ?? new Set()).add(known));
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const { headers: answerHeaders } = response;
    const isEndless = type === 'text/event-stream';
    const answer = isEndless ? type : await response.text();
    if (answer === '') return { status: response.status, headers: answerHeaders, body: undefined };
    const isProblem = known.endsWith('XX');
    const described = isProblem ? openapi.components.responses.Problem : operation.responses[known];
    expect([path, type, type in described.content]).toEqual([path, type, true]);
    if (!type.endsWith('json')) return { status: response.status, headers: answerHeaders, body: answer };
    const value = JSON.parse(answer);
    const schema = isProblem
      ? 'openapi#/components/schemas/Problem'
      : `${at}/responses/${known}/content/${escaped(type)}/schema`;
    expect(problemsOf(schema, value)).toEqual([]);
    return { status: response.status, headers: answerHeaders, body: value };
  }

  it('at discovery stands in the document', async () => {
    const { url } = cluster.discovery;
    const headers = bearer(await cluster.token('u1'));
    const session = 'a-session-of-the-tests-01';
    const asked = await ask(url, 'POST', '/v1/connect', { headers, body: { session, transports: ['websocket'] } });
    expect(asked.status).toBe(200);
    expect((await ask(url, 'POST', '/v1/ticket', { headers, body: { session } })).status).toBe(200);
    expect((await ask(url, 'POST', '/v1/connect', { headers: bearer('a.b.c') })).status).toBe(401);
    const admin = { headers: bearer(ADMIN_KEY) };
    const { nodes } = (await ask(url, 'GET', '/v1/nodes', admin)).body;
    for (const node of nodes) expect(problemsOf('openapi#/components/schemas/ListedNode', node)).toEqual([]);
    expect((await ask(url, 'POST', '/v1/nodes/{id}/drain', { ...admin, params: { id: 'n9' } })).status).toBe(404);
    const made = await ask(url, 'POST', '/v1/revocations', {
      ...admin,
      body: { sub: 'gone', ban: true, reason: 'test' },
    });
    expect([201, 202]).toContain(made.status);
    await ask(url, 'POST', '/v1/revocations', { ...admin, body: { jti: 'a', issuedBefore: 1 }, isWrong: true });
    const listed = await ask(url, 'GET', '/v1/revocations', { ...admin, query: '?limit=1' });
    expect(listed.body.revocations).toHaveLength(1);
    const { id } = made.body;
    expect((await ask(url, 'DELETE', '/v1/revocations/{id}', { ...admin, params: { id } })).status).toBe(204);
    expect((await ask(url, 'POST', '/v1/users/{sub}/disconnect', { ...admin, params: { sub: 'u/2' } })).status).toBe(
      202,
    );
    expect((await ask(url, 'POST', '/v1/users/disconnect', { ...admin, body: { sub: '..' } })).status).toBe(202);
  });

  it.each(['n1', 'n2'])('at node %s stands in the document', async (id) => {
    const url = nodeOf(id);
    const backend = { headers: bearer(PUBLISH_KEY) };
    const channel = `room:${id}`;
    const publish = (body: object, more: object = {}) => ask(url, 'POST', '/v1/publish', { ...backend, body, ...more });
    const { body: one } = await publish({ channel, data: { a: 1 }, key: 'k' });
    expect((await publish({ channel, data: { a: 1 }, key: 'k' })).body).toEqual({ ...one, duplicate: true });
    expect((await publish({ channel, data: 1, history: false })).body).toEqual({ channel });
    const several = await publish({
      messages: [
        { channel, data: 2 },
        { channel, data: 3, key: 'k' },
      ],
    });
    expect(several.status).toBe(207);
    for (const result of several.body.results) {
      const schema = 'code' in result ? 'PublishFailure' : 'PublishResponse';
      expect(problemsOf(`openapi#/components/schemas/${schema}`, result)).toEqual([]);
    }
    expect((await publish({ channels: [channel, `${channel}x`], data: 4 })).status).toBe(200);
    expect((await publish({ channel: ':bad', data: 1 }, { isWrong: true })).status).toBe(400);
    const headers = bearer(await cluster.ticket('reader'));
    const poll = (body: object) => ask(url, 'POST', '/v1/poll', { headers, body });
    const { channels } = (await poll({ channels: { [channel]: '-1' } })).body;
    expect(problemsOf('openapi#/components/schemas/PolledChannel', channels[channel])).toEqual([]);
    expect((await poll({ channels: { [channel]: { last: 1 } }, features: ['positions'], maxBytes: 1 })).status).toBe(
      200,
    );
    expect((await poll({ channels: { [channel]: channels[channel].offset } })).status).toBe(204);
    const resource = await ask(url, 'GET', '/v1/channels/{channel}', {
      headers,
      params: { channel },
      query: '?last=1',
    });
    expect([resource.status, resource.body]).toEqual([200, [4]]);
    const etag = resource.headers.get('etag') ?? '';
    const again = { headers: { ...headers, 'If-None-Match': etag }, params: { channel }, query: '?last=1' };
    expect((await ask(url, 'GET', '/v1/channels/{channel}', again)).status).toBe(304);
    expect((await ask(url, 'GET', '/v1/channels/{channel}', { params: { channel } })).status).toBe(401);
    const deleting = { headers: bearer(ERASER), params: { channel } };
    expect((await ask(url, 'DELETE', '/v1/channels/{channel}', deleting)).status).toBe(204);
    expect((await ask(url, 'DELETE', '/v1/channels/{channel}', { ...backend, params: { channel } })).status).toBe(403);
    const ended = new AbortController();
    const opened = await ask(url, 'POST', '/v1/stream', {
      headers,
      body: { channels: { news: 'now' } },
      signal: ended.signal,
    });
    expect(opened.status).toBe(200);
    ended.abort();
    expect((await ask(url, 'POST', '/v1/stream', { body: { channels: { secret: 'now' } } })).status).toBe(401);
    for (const path of ['/livez', '/readyz', '/metrics']) await ask(url, 'GET', path, { headers: bearer(ADMIN_KEY) });
    expect((await ask(url, 'GET', '/metrics')).status).toBe(403);
  });

  it.each(['n1', 'n2'])('over a WebSocket and a stream of %s stands in the document', async (id) => {
    const channel = `room:events-${id}`;
    const link = new SocketClient(nodeOf(id));
    const said = async (
      command: { readonly type: string; readonly [field: string]: unknown },
      ...types: readonly string[]
    ) => {
      const { [command.type]: message } = asyncapi.components.messages;
      expect(message).toBeDefined();
      const number = link.command(command);
      expect(problemsOf(`asyncapi#/components/messages/${command.type}/payload`, { ...command, id: number })).toEqual(
        [],
      );
      for (const type of types) {
        for (;;) {
          const event = await link.events.next();
          seen.push(event);
          if (event.type === type) break;
        }
      }
    };
    const ticket = await cluster.ticket('socket');
    await said({ type: 'connect', version: 1, token: ticket, features: ['ping', 'quiet', 'positions'] }, 'connected');
    await said({ type: 'subscribe', channels: { [channel]: 'now' } }, 'subscribed');
    await said({ type: 'subscribe', channels: { secret: '-1' } }, 'error');
    const lost = '1000000000000-0000000000000001';
    await said({ type: 'subscribe', channels: { [`${channel}-gap`]: lost } }, 'gap');
    await said({ type: 'publish', channel, data: { a: 1 }, key: 'k' }, 'published');
    await said({ type: 'publish', channel, data: { a: 1 }, key: 'k' }, 'published');
    await said({ type: 'ping' }, 'pong');
    await said({ type: 'quiet', heartbeatMs: 1_000 }, 'quieted', 'heartbeat');
    await said({ type: 'refresh', token: await cluster.ticket('socket') }, 'refreshed');
    await said({ type: 'unsubscribe', channels: [channel] }, 'unsubscribed');
    link.close();
    const stream = FEEDS.sse?.({ url: nodeOf(id), ticket: await cluster.ticket('streamer') }, { [channel]: '-1' });
    for (const event of (await stream?.events.take(2, 'subscribed', 'message')) ?? []) seen.push(event);
    stream?.close();
  });

  it('takes of each path the methods of the document, and says so', async () => {
    const params: Readonly<Record<string, string>> = { id: 'n9', sub: 'u1', channel: 'news' };
    for (const [path, described] of Object.entries<object>(openapi.paths)) {
      const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
      const asked = await Promise.all(
        [cluster.discovery.url, nodeOf('n1'), nodeOf('n2')].map((base) =>
          fetch(base + target, { method: 'PATCH', headers: bearer(ADMIN_KEY) }),
        ),
      );
      const serving = asked.filter(({ status }) => status !== 404);
      expect([path, serving.length > 0]).toEqual([path, true]);
      for (const { status, headers } of serving) {
        const methods = (headers.get('allow') ?? '').split(', ').filter((one) => one !== 'HEAD' && one !== 'OPTIONS');
        const expected = Object.keys(described).filter((name) => name !== 'parameters');
        expect([path, status, methods.sort()]).toEqual([path, 405, expected.map((one) => one.toUpperCase()).sort()]);
      }
    }
  });

  it('in each event stands in the document, the last ones of a node that is drained included', async () => {
    const socket = new SocketClient(nodeOf('n2'));
    socket.connect(await cluster.ticket('drained'));
    seen.push(await socket.events.nextOf('connected'));
    const stream = FEEDS.sse?.({ url: nodeOf('n2'), ticket: await cluster.ticket('drained') }, { news: 'now' });
    seen.push((await stream?.events.nextOf('subscribed')) ?? { type: 'none' });
    const drain = { headers: bearer(ADMIN_KEY), params: { id: 'n2' } };
    expect((await ask(cluster.discovery.url, 'POST', '/v1/nodes/{id}/drain', drain)).status).toBe(202);
    seen.push(await socket.events.nextOf('move'));
    seen.push((await stream?.events.nextOf('close', 'closed')) ?? { type: 'none' });
    socket.close();
    stream?.close();
    const described = asyncapi.operations.event.messages.map(({ $ref }: { readonly $ref: string }) =>
      $ref.split('/').at(-1),
    );
    expect([...new Set(seen.map(({ type }) => type))].sort()).toEqual(described.sort());
    for (const event of seen)
      expect(problemsOf(`asyncapi#/components/messages/${event.type}/payload`, event)).toEqual([]);
  });

  it('has been answered with each success that the document has', () => {
    // Of a node that is away or slow, and of a wait of 20 s: they stand in tests of their own.
    const elsewhere = new Set(['POST /v1/revocations 202', 'DELETE /v1/channels/{channel} 202', 'GET /readyz 503']);
    elsewhere.add('GET /v1/channels/{channel} 204');
    const missing = Object.entries<Record<string, { readonly responses?: object }>>(openapi.paths).flatMap(
      ([path, operations]) =>
        Object.entries(operations).flatMap(([method, { responses = {} }]) =>
          Object.keys(responses)
            .filter((status) => !status.endsWith('XX'))
            .map((status) => [`${method.toUpperCase()} ${path}`, status] as const)
            .filter(([name, status]) => !answered.get(name)?.has(status) && !elsewhere.has(`${name} ${status}`)),
        ),
    );
    expect(missing).toEqual([]);
  });
});

interface Asked {
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  /** The request is not as described. */
  readonly isWrong?: boolean;
  /** Of an answer without an end, which is not read. */
  readonly signal?: AbortSignal;
}
