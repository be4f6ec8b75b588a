// THE schema: every option of `start`, `node` and `discovery`, with its kind, range, default and purpose.

import { z } from 'zod';
import { ALGORITHMS } from '../lib/jwt-algorithms.js';
import { MAX_WAIT_REPLICAS } from '../protocol/index.js';
import { bearerKeys, hmacSecrets, publicKeys, publishKeys } from './key-types.js';
import { limitOptions } from './limit-options.js';
import { namespacesType } from './namespaces-type.js';
import { hostName, jwksUrl, networkList, nodeUrlType, originList, webBase } from './network-types.js';
import { FRONT, NODES, type OptionInfo, option, optionInfo, ROLES } from './option-info.js';
import { redisOptions } from './redis-options.js';
import { tlsOptions } from './tls-options.js';
import { boolean, choice, duration, fraction, list, readChoice, size, text, wholeNumber } from './value-types.js';

const ALL = ROLES;

/** Neither of the two that stand for folders: no path could name them. */
const nodeIdType = text('1 to 64 of A-Z a-z 0-9 _ . -, not "." or ".."', (value) =>
  /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/.test(value),
);
const claimText = text('1 to 1000 characters', (value) => value.length > 0 && value.length <= 1000);
const algorithmList = list((element) => readChoice(element, ALGORITHMS));

/** Durations come out in milliseconds, sizes in bytes. */
export const configSchema = z.object({
  host: option(hostName(), {
    about: 'address to listen on',
    roles: ALL,
    default: '0.0.0.0',
    defaultFor: { start: '127.0.0.1' },
  }),
  port: option(wholeNumber(0, 65_535), { about: 'port to listen on; 0 picks a free one', roles: ALL, default: '8080' }),
  ...tlsOptions,
  ...redisOptions,
  opsHost: option(hostName(), { about: 'address of the port of operators', roles: ALL, default: '127.0.0.1' }),
  opsPort: option(wholeNumber(0, 65_535).optional(), {
    about: 'port for what operators look at: metrics, readiness in detail, the list of nodes; 0 picks a free one',
    roles: ALL,
    defaultText: 'none: all is served on the one port',
  }),
  namespaces: option(namespacesType(), {
    about: 'options of channels by what stands before their first colon',
    roles: ALL,
    default: '{}',
    defaultText: '`{"default":{}}`; `start` opens `public` and `demo` where it made the secret of users\' tokens',
  }),

  authSecret: option(hmacSecrets().optional(), {
    about: "HMAC secrets that verify users' tokens, comma-separated for rotation; the first signs for the command line",
    roles: ALL,
    defaultText: 'none; `start` makes one where no key is configured',
    secret: true,
    fromFile: true,
  }),
  authPublicKey: option(publicKeys().optional(), {
    about: "public keys in PEM that verify users' tokens, one block after the other",
    roles: ALL,
    fromFile: true,
  }),
  authJwksUrl: option(jwksUrl().optional(), { about: "where the keys of users' tokens are published", roles: ALL }),
  authAlgorithms: option(algorithmList.optional(), {
    about: 'JWT algorithms that are accepted',
    roles: ALL,
    defaultText: 'those of the configured key',
  }),
  authIssuer: option(claimText.optional(), { about: '`iss` that tokens must carry', roles: ALL }),
  authAudience: option(claimText.optional(), {
    about: '`aud` that tokens must carry',
    roles: ALL,
  }),
  allowUserTokens: option(boolean(), {
    about: "whether the node takes a user's token where a ticket is expected",
    roles: NODES,
    default: 'false',
    defaultFor: { start: 'true' },
  }),
  allowStarGrant: option(boolean(), {
    about: 'whether the pattern `*` in a token grants every channel',
    roles: ALL,
    default: 'false',
    defaultText: '`false`; `true` where `start` made the secret of tokens',
  }),
  clusterSecret: option(hmacSecrets().optional(), {
    about: 'signs tickets; shared by discovery and nodes; comma-separated for rotation, the first signs',
    roles: ALL,
    defaultText: 'none; `start` makes one without Redis',
    secret: true,
    fromFile: true,
  }),
  ticketTtl: option(duration('10s', '1h'), {
    duration: true,
    about: 'longest life of a ticket',
    roles: FRONT,
    default: '1h',
  }),
  adminKey: option(bearerKeys().optional(), {
    about: 'bearer keys of operators, comma-separated',
    roles: ALL,
    defaultText: 'none: those APIs are off',
    secret: true,
    fromFile: true,
  }),
  revocationFalsePositives: option(fraction(0.00001, 0.1), {
    about: 'part of the users who are not revoked of whom Redis is asked when they connect; fewer take more memory',
    roles: ALL,
    default: '0.001',
  }),
  publishKey: option(publishKeys().optional(), {
    about: 'bearer keys of backends that publish by HTTP, each with its name, patterns and rights, if you like',
    roles: NODES,
    defaultText: 'none: that API is off',
    secret: true,
    fromFile: true,
  }),

  clockTolerance: option(duration('0s', '1h'), {
    duration: true,
    about:
      "how far clocks may differ: a token's times and ours, as one connects and on links; a message's and Redis', beyond which it is taken from the log alone",
    roles: ALL,
    default: '5s',
  }),

  nodeId: option(nodeIdType.optional(), {
    about: 'name of the node in the cluster',
    roles: NODES,
    defaultText: 'host and port',
  }),
  nodeUrl: option(nodeUrlType().optional(), {
    about: 'what clients are told to connect to',
    roles: NODES,
    defaultText: 'from host and port',
  }),
  channelsUrl: option(webBase().optional(), {
    about: 'a cache before the nodes, by which clients read public channels',
    roles: FRONT,
    defaultText: 'none',
  }),
  engine: option(choice('auto', 'uws', 'ws'), {
    about: 'what serves HTTP and WebSocket',
    roles: NODES,
    default: 'auto',
  }),
  origins: option(originList(), {
    about: 'browser origins that are let in, each written out, comma-separated; `loopback` is any on this machine',
    roles: ALL,
    default: '',
    defaultFor: { start: 'loopback' },
    defaultText: 'none; `loopback` in `start`',
  }),
  insecureAnyOrigin: option(boolean(), {
    about: 'allows the origin `*`: every web page may use the tokens it can get',
    roles: ALL,
    default: 'false',
  }),
  trustedProxies: option(networkList(), {
    about: 'addresses or networks of proxies whose `X-Forwarded-For` or `Forwarded` is believed, comma-separated',
    roles: ALL,
    default: '',
    defaultText: 'none',
  }),

  maxConnections: option(wholeNumber(1, 1_000_000), {
    about: 'capacity of the node; a full node refuses',
    roles: NODES,
    default: '20000',
    defaultText: '20000, or what the file-descriptor limit allows',
  }),
  maxConnectsPerSecond: option(wholeNumber(1, 1_000_000), {
    about: 'assignments per second that a new, empty node is given',
    roles: NODES,
    default: '2000',
  }),
  channelsPerConnection: option(wholeNumber(1, 128), {
    about: 'channels of one connection, poll or stream',
    roles: NODES,
    default: '128',
  }),
  maxChannels: option(wholeNumber(1, 10_000_000), {
    about: 'channels open at one node',
    roles: NODES,
    default: '200000',
  }),
  waitReplicas: option(wholeNumber(0, MAX_WAIT_REPLICAS), {
    about: 'Redis replicas that must have a message before its publish is acknowledged',
    roles: NODES,
    default: '0',
  }),
  maxMessageBytes: option(size('1kb', '1mb'), {
    about: "one message's data; the same on every process: the newest is in force in Redis",
    roles: ALL,
    default: '64kb',
  }),
  maxFrameBytes: option(size('1kb', '4mb'), { about: 'one frame from a client', roles: NODES, default: '64kb' }),
  maxBodyBytes: option(size('1kb', '16mb'), { about: 'one HTTP request body', roles: NODES, default: '1mb' }),
  maxBufferedBytes: option(size('192kb', '64mb'), {
    about: 'unsent bytes at which a slow consumer is cut',
    roles: NODES,
    default: '1mb',
  }),
  maxBufferedTotal: option(size('4mb', '1024gb').optional(), {
    about: 'unsent bytes of all connections together at which the slowest are cut',
    roles: NODES,
    defaultText: 'a quarter of `maxMemoryBytes`',
  }),
  maxMemoryBytes: option(size('64mb', '1024gb').optional(), {
    about: 'resident memory of the node: above nine tenths of it it counts as full',
    roles: NODES,
    defaultText: "the container's or the machine's",
  }),
  maxHistoryMemory: option(size('1mb', '1024gb').optional(), {
    about: 'messages that all channels of a node keep in memory; for others the log is read',
    roles: NODES,
    defaultText: 'an eighth of `maxMemoryBytes`',
  }),
  heartbeat: option(duration('1s', '60s'), {
    duration: true,
    about: 'longest silence of the node on a link; then it sends a heartbeat',
    roles: NODES,
    default: '7s',
  }),
  handshakeTimeout: option(duration('100ms', '60s'), {
    duration: true,
    about: 'time that a new WebSocket has to send a valid connect',
    roles: NODES,
    default: '5s',
  }),
  ...limitOptions,
  drainDelay: option(duration('0s', '1h'), {
    duration: true,
    about: 'time for which a process that was told to end still serves, not ready, so that load balancers turn away',
    roles: ALL,
    default: '5s',
    defaultFor: { start: '0s' },
  }),
  drainTimeout: option(duration('0s', '1h'), {
    duration: true,
    about: 'time from the signal until what is left is closed; the delay is part of it',
    roles: ALL,
    default: '25s',
  }),
  logLevel: option(choice('debug', 'info', 'warn', 'error', 'silent'), {
    about: 'debug, info, warn, error, silent',
    roles: ALL,
    default: 'info',
  }),
});

/** A configuration that has been validated: durations in milliseconds, sizes in bytes. */
export type Config = Readonly<z.output<typeof configSchema>>;
export type OptionKey = keyof Config & keyof typeof configSchema.shape;
export const OPTION_KEYS = Object.keys(configSchema.shape) as readonly OptionKey[];

/** What is known of an option beside its values. */
export function infoOf(key: OptionKey): OptionInfo {
  const info = optionInfo.get(configSchema.shape[key]);
  if (info === undefined) throw new TypeError(`the option ${key} has no description`);
  return info;
}
