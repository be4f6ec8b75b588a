// Keeps one link to a node: takes over before it leaves the old one, and tries again when it is lost.

import type { NodeAddress, ServerEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { type ConnectionEvent, INITIAL, reduce } from './connection-state.js';
import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_NORMAL, createFailure, type Failure, toFailure } from './errors.js';
import type { Link, OpenLink, Outgoing, Wanted } from './link.js';
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
  /** The node refuses a channel, for good or for now. */
  refuse(channel: string, failure: Failure): void;
  changed(state: ClientState): void;
  failed(failure: Failure): void;
}

export interface Connection {
  readonly state: ClientState;
  /** The wanted channels have changed. Connects the first time. */
  sync(): void;
  /** Returns whether there is a link and it took it. */
  publish(outgoing: Outgoing): boolean;
  close(): void;
}

/** One link, from its opening to its end. */
interface Line extends Link {
  readonly node: string;
  connectedAtMs: number;
}

export function createConnection(settings: Settings, openLink: OpenLink, owner: ConnectionOwner): Connection {
  const { clock, random, token } = settings;
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
    timers.set(LIMIT, LIMIT_MS, () => lose(createFailure(CLOSE_NETWORK, 'timeout')));
    if (!active) apply({ type: 'connecting' });
    try {
      // A listener may have closed the client.
      const node = attempt && (await session.find(exclude));
      if (node && attempt === mine) opening = open(node);
    } catch (error) {
      if (attempt === mine) lose(toFailure(error));
    }
  };

  const replace = () => {
    if (active && !attempt) dial([active.node]);
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
          line.connectedAtMs = clock.now();
          settle();
          monitor.watch(heartbeatMs);
          apply({ type: 'connected', transport, node: id });
        },
        touch: monitor.touch,
        receive(event) {
          if (event.type === 'move') replace();
          else owner.receive(event, line);
          if ([...owner.channels.values()].every(({ line }) => line === active)) leave();
        },
        lost: (failure) => lose(failure, line),
      }),
      { node: id, connectedAtMs: Number.POSITIVE_INFINITY },
    );
    return line;
  };

  /** The attempt is over. */
  const settle = () => {
    attempt = opening = undefined;
    timers.clear(LIMIT);
  };

  const leave = () => {
    leaving?.close();
    leaving = undefined;
  };

  /** Without a line, the attempt on its way has failed. */
  const lose = (failure: Failure, line = opening) => {
    line?.close(failure);
    if (line && line === leaving) return leave();
    if (line === opening) settle();
    if (line === active) {
      active = undefined;
      monitor.stop();
      leave();
      // Its replacement is already on the way.
      if (attempt) return apply({ type: 'connecting' });
    }
    delayMs = failure.retryAfterMs ?? 0;
    session.blame(failure);
    owner.failed(failure);
    // What failed was to replace a link that works.
    if (active) return timers.set(RETRY, delayMs + backoff(REPLACE_FAILURES, random()), replace);
    apply({
      type: 'lost',
      failure,
      node: line?.node,
      stable: !!line && clock.now() - line.connectedAtMs >= STABLE_MS,
      renewable: !!line || typeof token === 'function',
      random: random(),
    });
    if (connection.state.type === 'waiting') timers.set(RETRY, connection.state.retryInMs, dial);
  };

  const drop = (close: number, code: string) => {
    if (active) lose(createFailure(close, code), active);
  };

  const release = () => {
    opening?.close();
    active?.close();
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
    () => drop(CLOSE_NETWORK, 'heartbeat_timeout'),
    () => drop(CLOSE_LATER, 'offline'),
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
    publish: (outgoing) => !!active?.publish(outgoing),
    close() {
      apply({ type: 'closed', code: CLOSE_NORMAL, reason: 'closed' });
    },
  };
}
