// The SDK's pure rules: backoff, the connection's reducer, and what it shares with the contract.

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { backoff } from '../../../client-sdk/backoff.js';
import { type ConnectionState, INITIAL, lose } from '../../../client-sdk/connection-state.js';
import { createFailure, createRefusal, type Failure, isFinal } from '../../../client-sdk/errors.js';
import { post as postOf } from '../../../client-sdk/http.js';
import { createClient } from '../../../client-sdk/index.js';
import { CODES, channelNameProblem, isAfter, mayReconnect } from '../../../src/protocol/index.js';
import { offset } from './fakes/world.js';

function lost(before: ConnectionState, close: number, code = 'network', node?: string): ConnectionState {
  return lose(before, createFailure(close, code), node, 0.5);
}

describe('backoff', () => {
  it('has full jitter from 500 ms, doubling, to 20 s, and is never nothing', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
        const ms = backoff(failures, random);
        expect(ms).toBeGreaterThanOrEqual(100);
        expect(ms).toBeLessThanOrEqual(Math.min(20_000, 500 * 2 ** failures));
      }),
    );
    expect(backoff(0, 0.999)).toBe(499);
    expect(backoff(50, 0.999)).toBe(19_980);
  });
});

describe('the connection after a loss', () => {
  it('waits longer after each loss, and names the failed nodes, newest first, at most 8', () => {
    let connection = INITIAL;
    const delays: number[] = [];
    for (let n = 0; n < 10; n++) {
      connection = lost(connection, 1006, 'network', `n${n}`);
      if (connection.state.type === 'waiting') delays.push(connection.state.retryInMs);
    }
    expect(delays.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
    expect(Math.max(...delays)).toBe(10_000);
    expect(connection.exclude).toEqual(['n9', 'n8', 'n7', 'n6', 'n5', 'n4', 'n3', 'n2']);
  });

  it('takes a retry-after as the least', () => {
    const failure = createFailure(4004, 'rate_limited', 'slow down', { retryAfterMs: 7_000 });
    expect(lose(INITIAL, failure, 'n1', 0.5).state).toEqual({
      type: 'waiting',
      retryInMs: 7_250,
      cause: 'rate_limited',
    });
  });

  it('follows the range: closed after 4500–4999 but for the first 4501, waiting after anything else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 4999 }), (close) => {
        const { state } = lost(INITIAL, close);
        expect(state.type).toBe(mayReconnect(close) || close === 4501 ? 'waiting' : 'closed');
      }),
    );
  });

  it('waits for as long as it takes where a function may give a better token', () => {
    let connection = INITIAL;
    for (let n = 0; n < 5; n++) {
      connection = lose(connection, createFailure(4501, 'token_expired'), 'n1', 0.5, true);
      expect(connection.state.type).toBe('waiting');
    }
  });

  it('gets a fresh ticket once after 4501, and is closed when that is refused too', () => {
    const once = lost(INITIAL, 4501, 'token_signature_invalid');
    expect(once.state.type).toBe('waiting');
    const between = lost(once, 1006);
    const twice = lost(between, 4501, 'token_signature_invalid');
    expect(twice.state).toEqual({ type: 'closed', code: 4501, reason: 'token_signature_invalid' });
  });
});

describe('a refusal by HTTP', () => {
  const refused = async (status: number, code: string, headers: Record<string, string> = {}) => {
    const problem = { type: `urn:fanfare:problem:${code}`, status, code, detail: '' };
    const fetch = async () => new Response(JSON.stringify(problem), { status, headers });
    const post = postOf(
      fetch as unknown as Parameters<typeof postOf>[0],
      '',
      undefined,
      {},
      new AbortController().signal,
    );
    return post.then(
      () => undefined,
      (failure: Failure) => ({ isFinal: isFinal(failure), retryAfterMs: failure.retryAfterMs }),
    );
  };

  it('with a time to come again is not final, whatever its status: a token from the future will be good', async () => {
    const told = { 'Retry-After': '2' };
    expect(await refused(401, 'token_not_yet_valid', told)).toEqual({ isFinal: false, retryAfterMs: 2_000 });
    expect(await refused(401, 'token_expired')).toMatchObject({ isFinal: true });
  });
});

describe('what the SDK has in short form', () => {
  const nearNames = fc.string({ unit: fc.constantFrom(...'aZ0._:@=+~-/ é'), maxLength: 12 });
  const client = createClient({ url: 'http://discovery.test' });
  afterAll(() => client?.close());

  function takes(name: string, after?: string): boolean {
    try {
      client.subscribe(name, { after }).unsubscribe();
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return false;
    }
  }

  it('holds names to the rules of the contract', () => {
    const long = [200, 201].map((length) => 'a'.repeat(length));
    const tricky = ['', '.', '..', '...', 'a:', ':a', 'a::', 'a:b:', ':', '::', '__proto__', 'a\n', ...long];
    for (const name of tricky) expect(takes(name), name).toBe(channelNameProblem(name) === undefined);
    fc.assert(fc.property(nearNames, (name) => takes(name) === (channelNameProblem(name) === undefined)));
  });

  it('holds offsets to the rules of the contract', () => {
    const tricky = ['', '-1', 'now', 'now\n', offset(1), `${offset(1)}\n`, ` ${offset(1)}`, offset(1).slice(1), '0-0'];
    for (const after of tricky) expect(takes('news', after), after).toBe(isAfter(after));
  });

  it('repeats a command after the codes that the table marks as retryable, and no other', () => {
    // Those that never answer a command: they end a link, or come with an HTTP status.
    const never = /^(too_many_connections|no_capacity|draining|slow_consumer|offset_(trimmed|rewritten|unknown))$/;
    for (const [code, { retry }] of Object.entries(CODES)) {
      // That of a token from the future always says when.
      const told = code === 'token_not_yet_valid' ? { code, retryAfterMs: 1_000 } : { code };
      if (!never.test(code)) expect(isFinal(createRefusal(told)), code).toBe(!retry);
    }
  });
});
