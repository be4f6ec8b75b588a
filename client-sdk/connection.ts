// Keeps one link to a node: takes over before it leaves the old one, and tries again when it is lost.

import type { NodeAddress, ServerEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { INITIAL, lose } from './connection-state.js';
import { createFailure, type Failure, toFailure } from './errors.js';
import type { Link, OpenLink, Outgoing, Wanted } from './link.js';
import { createMonitor } from './monitor.js';
import {
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_NORMAL,
  CONNECT_LIMIT_MS,
  LEAVE_MS,
  REPLACE_FAILURES,
  STABLE_MS,
} from './numbers.js';
import { createSession } from './session.js';
import type { Settings } from './settings.js';
import type { ClientState } from './types.js';

/** What a connection works for. */
export interface ConnectionOwner {
  readonly transports: readonly Transport[];
  readonly channels: ReadonlyMap<string, Wanted & { readonly line?: object | undefined }>;
  /** An event of `line`, one object for the life of a link. */
  receive(event: ServerEvent, line: object): void;
  /** The node refuses a channel, for good or for now. */
  refuse(channel: string, failure: Failure): void;
  state(state: ClientState): void;
  error(failure: Failure): void;
}

export interface Connection {
  /** The wanted channels have changed. Connects the first time. */
  sync(): void;
  /** Returns whether there is a link and it took it. */
  publish(outgoing: Outgoing): boolean;
  close(): void;
}

/** One link, from its opening to its end. */
interface Line extends Link {
  node: string;
}

export const createConnection = (settings: Settings, openLink: OpenLink, owner: ConnectionOwner): Connection => {
  const { clock, random, timers } = settings;
  const closing = new AbortController();
  let connection = INITIAL;
  /** An attempt is on its way, from discovery to `connected`. */
  let dialing = false;
  let opening: Line | undefined;
  let active: Line | undefined;
  /** The line before `active`: it stays a moment, until each channel has been taken over. */
  let leaving: Line | undefined;
  let connectedAtMs = 0;
  /** What a server asked for last: a floor. */
  let delayMs: number | undefined;

  const become = (state: ClientState, memory = connection) => {
    if (connection.state.type === 'closed') return;
    connection = { ...memory, state };
    if (state.type === 'closed') release();
    owner.state(state);
  };

  /** Connects, or replaces the link that works. */
  const dial = () => {
    if (dialing) return;
    dialing = true;
    timers.delete(dial);
    timers.set(expire, CONNECT_LIMIT_MS);
    if (!active) become({ type: 'connecting' });
    // A listener may have closed the client.
    if (!dialing) return;
    session
      .connect(active ? [active.node] : connection.exclude)
      .then(open)
      .catch((error) => end(toFailure(error)));
  };
  const expire = () => {
    session.close();
    end(createFailure(CLOSE_NETWORK, 'timeout'));
  };

  const open = ({ id, url }: NodeAddress) => {
    const line = openLink({
      ...settings,
      ...owner,
      session: session.state,
      url,
      connected(transport, heartbeatMs) {
        const isNew = line === opening;
        if (isNew) {
          leave();
          leaving = active;
          timers.set(leave, LEAVE_MS);
          active = line;
          connectedAtMs = clock.now();
          settle();
        }
        if (line === active) monitor.connected(heartbeatMs);
        if (isNew) become({ type: 'connected', transport, node: id });
      },
      touch: monitor.touch,
      receive(event) {
        if (event.type === 'move') dial();
        else owner.receive(event, line);
      },
      lost: (failure) => end(failure, line),
    }) as Line;
    line.node = id;
    opening = line;
  };

  /** The attempt is over. */
  const settle = () => {
    dialing = false;
    opening = undefined;
    timers.delete(expire);
  };

  const leave = () => {
    leaving?.close();
    leaving = undefined;
  };

  /** A line has ended; without one, the attempt on its way has failed before there was a line. */
  const end = (failure: Failure, line = opening) => {
    const stable = line && line === active && clock.now() - connectedAtMs >= STABLE_MS;
    line?.close(failure);
    if (line && line === leaving) return leave();
    if (line === opening) settle();
    if (line === active) {
      active = undefined;
      monitor.connected(0);
      leave();
      // Its replacement is already on the way.
      if (dialing) return become({ type: 'connecting' });
    }
    delayMs = failure.retryAfterMs;
    session.lost(failure);
    owner.error(failure);
    if (active) {
      // What failed was to replace a link that works.
      timers.set(dial, backoff(REPLACE_FAILURES, random(), delayMs));
    } else {
      const lost = lose(stable ? INITIAL : connection, failure, line?.node, random());
      become(lost.state, lost);
      if (connection.state.type === 'waiting') timers.set(dial, connection.state.retryInMs);
    }
  };

  const drop = (close: number, code: string) => {
    if (active) end(createFailure(close, code), active);
  };

  const release = () => {
    opening?.close();
    active?.close();
    active = undefined;
    leave();
    settle();
    session.close();
    closing.abort();
    timers.clear();
  };

  const session = createSession(settings, owner.transports, () => active?.refresh(), owner.error);
  const monitor = createMonitor(settings, closing.signal, {
    doubt: () => active?.probe(),
    silent: () => drop(CLOSE_NETWORK, 'timeout'),
    sleep: () => drop(CLOSE_LATER, 'offline'),
    wake() {
      if (connection.state.type === 'waiting' && !delayMs) dial();
    },
    seen: () => active?.quiet(),
  });

  return {
    sync() {
      opening?.sync();
      active?.sync();
      if (connection.state.type === 'idle') dial();
    },
    publish: (outgoing) => !!active?.publish(outgoing),
    close: () => become({ type: 'closed', code: CLOSE_NORMAL, reason: 'closed' }),
  };
};
