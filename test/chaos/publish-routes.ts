// The ways in which a chaos run publishes: FCALL, HTTP and the queue, each of which says what came of one attempt.

import type { Cluster, Redis } from 'ioredis';
import type { RedisUrl } from '../../src/broker/redis/url.js';
import type { Random } from '../support/random.js';
import type { PublishRoute } from './history.js';

export interface PublishTarget {
  readonly redis: RedisUrl;
  readonly isCluster: boolean;
  /** Of each master: only what all of them have survives whichever is promoted. */
  readonly replicas: number;
  /** Bases of the nodes. */
  readonly nodeUrls: readonly string[];
  readonly publishKey: string;
}

/** `again`: not known to be stored; with a key it may be repeated. */
export interface AttemptAnswer {
  readonly kind: 'ok' | 'again' | 'fail';
  readonly offset?: string;
  readonly error?: string;
}

export interface Route {
  readonly by: PublishRoute;
  readonly hasKey: boolean;
  readonly waitReplicas?: number;
  attempt(channel: string, data: string, key: string | undefined): Promise<AttemptAnswer>;
}

const HTTP_LIMIT_MS = 5_000;
/** What Redis says when it has not done it and never will. */
const REFUSED = /^(ERR|WRONGTYPE|NOPERM|BAD|CONFLICT)/;
const NOT_LOADED = /Function not found/;
const OFFSET = /^\d{13}-\d{16}$/;

/** Each is in the list as often as it is used. */
export function createRoutes(target: PublishTarget, redis: Redis | Cluster, random: Random): readonly Route[] {
  const fcall: Route['attempt'] = (channel, data, key) => publishByFcall(redis, target.isCluster, channel, data, key);
  const byKey: Route = { by: 'fcall', hasKey: true, attempt: fcall };
  // ioredis repeats commands on a Cluster by itself, so that only what has a key may be published there.
  const once: Route = target.isCluster ? byKey : { by: 'fcall', hasKey: false, attempt: fcall };
  const http: Route = {
    by: 'http',
    hasKey: true,
    attempt: (channel, data, key) => publishByHttp(random.pick(target.nodeUrls), target.publishKey, channel, data, key),
  };
  const replicated: Route = {
    by: 'http',
    hasKey: true,
    waitReplicas: target.replicas,
    attempt: (channel, data, key) =>
      publishByHttp(random.pick(target.nodeUrls), target.publishKey, channel, data, key, target.replicas),
  };
  const queue: Route = {
    by: 'queue',
    hasKey: true,
    attempt: (channel, data, key = '') => publishByQueue(redis, channel, data, key),
  };
  const last = target.replicas > 0 ? replicated : http;
  return [byKey, byKey, byKey, byKey, once, once, http, http, last, queue, queue];
}

async function publishByFcall(
  redis: Redis | Cluster,
  isCluster: boolean,
  channel: string,
  data: string,
  key: string | undefined,
): Promise<AttemptAnswer> {
  const base = `fanfare:{${channel}}`;
  const keys = isCluster
    ? [`${base}:log`, `${base}:tail`, ...(key === undefined ? [] : [`${base}:key:b:${key}`])]
    : [channel];
  const values = isCluster || key === undefined ? [data] : [data, key];
  try {
    const offset = String(await redis.fcall('fanfare_publish', keys.length, ...keys, ...values));
    return OFFSET.test(offset) ? { kind: 'ok', offset } : { kind: 'fail', error: `no offset: ${offset}` };
  } catch (error) {
    return attemptFailed(error);
  }
}

async function publishByQueue(
  redis: Redis | Cluster,
  channel: string,
  data: string,
  key: string,
): Promise<AttemptAnswer> {
  try {
    await redis.xadd('fanfare:ingest', '*', 'channel', channel, 'data', data, 'key', key);
    return { kind: 'ok' };
  } catch (error) {
    return attemptFailed(error);
  }
}

function attemptFailed(error: unknown): AttemptAnswer {
  const message = error instanceof Error ? error.message : String(error);
  const kind = REFUSED.test(message) && !NOT_LOADED.test(message) ? 'fail' : 'again';
  return { kind, error: message };
}

async function publishByHttp(
  url: string,
  publishKey: string,
  channel: string,
  data: string,
  key: string | undefined,
  waitReplicas = 0,
): Promise<AttemptAnswer> {
  const more = waitReplicas > 0 ? `,"waitReplicas":${waitReplicas}` : '';
  try {
    const response = await fetch(`${url}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${publishKey}`, 'Content-Type': 'application/json' },
      body: `{"channel":${JSON.stringify(channel)},"data":${data},"key":${JSON.stringify(key)}${more}}`,
      signal: AbortSignal.timeout(HTTP_LIMIT_MS),
    });
    const body = (await response.json()) as { readonly offset?: string; readonly code?: string };
    if (response.status === 200 && body.offset !== undefined) return { kind: 'ok', offset: body.offset };
    const error = `${response.status} ${body.code}`;
    return { kind: response.status >= 500 || response.status === 429 ? 'again' : 'fail', error };
  } catch (error) {
    return { kind: 'again', error: String(error) };
  }
}
