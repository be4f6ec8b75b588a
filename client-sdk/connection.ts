// Keeps one link to a node: takes over before it leaves the old one, and tries again when it is lost.

import type { NodeAddress, ServerEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { type ConnectionEvent, INITIAL, reduce } from './connection-state.js';
import {
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_NORMAL,
  CLOSE_TOKEN_EXPIRED,
  CLOSE_UNAUTHORIZED,
  createFailure,
  type Failure,
  toFailure,
} from './errors.js';
import type { Link, OpenLink, Wanted } from './link.js';
import { createMonitor } from './monitor.js';
import { createSession } from './session.js';
import type { Settings } from './settings.js';
import { createTimers } from './timers.js';
import type { ClientState } from './types.js';

/** Discovery (10 s), the token and the node (10 s) together have so long. */
const LIMIT_MS = 20_000;
/** A link that lasted so long makes what failed before it forgotten. */
const STABLE_MS = 5_000;
/** Failures for which the backoff before another attempt to replace a working link is made. */
const REPLACE_FAILURES = 4;

/** Names of timers. */
const RETRY = 0;
const LIMIT = 1;

/** What a connection works for. */
export interface ConnectionOwner {
  readonly transports: readonly Transport[];
  readonly channels: ReadonlyMap<string, Wanted & { readonly line?: object | undefined }>;
  /** An event of `line`, one object for the life of a link. */
  receive(event: ServerEvent, line: object): void;
  refuse(channel: string, failure: Failure): void;
  /** `line` delivers no more. */
  detach(line: object | undefined): void;
  /** Where publishes go from now on. */
  use(link: Link | undefined): void;
  changed(state: ClientState): void;
  failed(failure: Failure): void;
}

export interface Connection {
  readonly state: ClientState;
  /** The wanted channels have changed. Connects the first time. */
  sync(): void;
  close(): void;
}

/** One link, from its opening to its end. */
interface Line extends Link {
  readonly node: string;
  connectedAtMs: number;
}

export function createConnection(settings: Settings, openLink: OpenLink, owner: ConnectionOwner): Connection {
  const { clock, random, token } = settings;
  const { now } = clock;
  const timers = createTimers(clock);
  let connection = INITIAL;
  /** The attempt on its way, from discovery to `connected`. */
  let attempt: object | undefined;
  let opening: Line | undefined;
  let active: Line | undefined;
  /** The line before `active`: it stays until each channel has been taken over. */
  let leaving: Line | undefined;
  /** What a server asked for last: a floor. */
  let delayMs = 0;

  const apply = (event: ConnectionEvent) => {
    const before = connection;
    connection = reduce(connection, event);
    if (connection === before) return;
    owner.changed(connection.state);
    if (connection.state.type === 'closed') release();
  };

  const dial = async (exclude = connection.exclude) => {
    const mine = {};
    attempt = mine;
    timers.clear(RETRY);
    timers.set(LIMIT, LIMIT_MS, () => {
      const failure = createFailure(CLOSE_NETWORK, 'timeout');
      if (opening) lose(opening, failure);
      else fail(failure);
    });
    if (!active) apply({ type: 'connecting' });
    try {
      if (attempt !== mine) return;
      const node = await session.find(exclude);
      if (attempt === mine) opening = open(node);
    } catch (error) {
      if (attempt === mine) fail(toFailure(error));
    }
  };

  const open = ({ id, url }: NodeAddress): Line => {
    const line: Line = Object.assign(
      openLink({
        ...owner,
        settings,
        session,
        url,
        connected(transport, heartbeatMs) {
          leave();
          leaving = active;
          active = line;
          line.connectedAtMs = now();
          settle();
          owner.use(line);
          monitor.watch(heartbeatMs);
          apply({ type: 'connected', transport, node: id });
        },
        touch() {
          if (line === active) monitor.touch();
        },
        receive(event) {
          if (event.type !== 'move') owner.receive(event, line);
          else if (line === active) replace();
          if (leaving && [...owner.channels.values()].every(({ line }) => line === active)) leave();
        },
        lost: (failure) => lose(line, failure),
      }),
      { node: id, connectedAtMs: Number.POSITIVE_INFINITY },
    );
    return line;
  };

  const end = (line: Line | undefined, failure?: Failure) => {
    line?.close(failure);
    owner.detach(line);
  };

  const leave = () => {
    const line = leaving;
    leaving = undefined;
    end(line);
  };

  const replace = () => {
    if (active && !attempt) dial([active.node]);
  };

  /** The attempt is over. */
  const settle = () => {
    attempt = opening = undefined;
    timers.clear(LIMIT);
  };

  const lose = (line: Line | undefined, failure: Failure) => {
    if (!line) return;
    end(line, failure);
    if (line === leaving) return leave();
    if (line === active) {
      active = undefined;
      monitor.stop();
      owner.use(undefined);
      leave();
      // Its replacement is already on the way.
      if (attempt) return apply({ type: 'connecting' });
    }
    session.skip();
    fail(failure, line);
  };

  const fail = (failure: Failure, line?: Line) => {
    settle();
    delayMs = failure.retryAfterMs ?? 0;
    if (failure.close === CLOSE_UNAUTHORIZED || failure.close === CLOSE_TOKEN_EXPIRED) session.forget();
    owner.failed(failure);
    // What failed was to replace a link that works.
    if (active) return timers.set(RETRY, delayMs + backoff(REPLACE_FAILURES, random()), replace);
    apply({
      type: 'lost',
      failure,
      node: line?.node,
      stable: !!line && now() - line.connectedAtMs >= STABLE_MS,
      renewable: !!line || typeof token === 'function',
      random: random(),
    });
    if (connection.state.type === 'waiting') timers.set(RETRY, connection.state.retryInMs, dial);
  };

  const release = () => {
    end(opening);
    end(active);
    active = undefined;
    leave();
    settle();
    session.close();
    monitor.close();
    timers.clearAll();
  };

  const session = createSession(settings, owner.transports, () => active?.refresh(), owner.failed);
  const monitor = createMonitor(
    settings,
    () => lose(active, createFailure(CLOSE_NETWORK, 'heartbeat_timeout')),
    () => lose(active, createFailure(CLOSE_LATER, 'offline')),
    () => {
      if (connection.state.type === 'waiting' && !delayMs) dial();
    },
  );

  return {
    get state() {
      return connection.state;
    },
    sync() {
      opening?.sync();
      active?.sync();
      if (connection.state.type === 'idle') dial();
    },
    close() {
      apply({ type: 'closed', code: CLOSE_NORMAL, reason: 'closed' });
    },
  };
}
