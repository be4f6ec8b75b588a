// Keeps one link to a node: takes over before it leaves the old one, and tries again when it is lost.

import type { Begin, NodeAddress, PolledChannel, ServerEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { INITIAL, isNodesFault, isOut, lose } from './connection-state.js';
import { createFailure, createTimeout, type Failure, isFinal, toFailure } from './errors.js';
import { fetchHistory } from './history.js';
import type { Link, OpenLink, Outgoing, Source, Wanted } from './link.js';
import { createMonitor, type Monitor } from './monitor.js';
import {
  BACKOFF_CAP_MS,
  CLOSE_LATER,
  CLOSE_NORMAL,
  CLOSE_TICKET,
  CLOSE_UNAUTHORIZED,
  CLOSE_WORD,
  CONNECT_LIMIT_MS,
  LEAVE_MS,
  MAX_CHANNELS,
  MOVE_PAUSE_MS,
  REPLACE_FAILURES,
  STABLE_MS,
  TRICKLED_CONNECT_MS,
  WAKE_FLOOR_MS,
} from './numbers.js';
import { createSession, type Given } from './session.js';
import type { Settings } from './settings.js';
import type { ClientState } from './types.js';

/** What a connection works for. */
export interface ConnectionOwner {
  readonly transports: readonly Transport[];
  readonly channels: ReadonlyMap<string, Wanted>;
  /** Returns whether the channel has to be asked for again, from its position. */
  receive(event: ServerEvent, source: Source): boolean | undefined;
  /** The node refuses a channel that it was asked for, for good or for now; it may be wanted no more. */
  refuse(channel: Wanted, failure: Failure): void;
  state(state: ClientState): void;
  failed(failure: Failure): void;
}

export interface Connection {
  /** As many channels as a link may have. */
  readonly maxChannels: number;
  /** What discovery gave last. */
  readonly given: Given;
  /** Connects, unless it does already. */
  connect(): void;
  /** The wanted channels have changed. */
  sync(): void;
  /** Returns whether there is a link and it took it. */
  publish(outgoing: Outgoing): boolean;
  /** What history holds of a channel after a position; where `mayLag`, as of a moment ago. */
  history(name: string, begin: Begin, mayLag?: boolean): Promise<PolledChannel | undefined>;
  /** `closed`, where no other reason is given. */
  close(reason?: string): void;
}

/** One link, from its opening to its end. */
interface Line extends Link {
  node: string;
}

/** Makes what a client works with: its own, or its part of one that tabs share. */
export type Connect = (settings: Settings, openLink: OpenLink, owner: ConnectionOwner) => Connection;

export const createConnection: Connect = (settings, openLink, owner) => {
  const { clock, random, timers } = settings;
  const now = clock.monotonic;
  const asking = new Set<AbortController>();
  let connection = INITIAL;
  /** An attempt is on its way, from discovery to `connected`. */
  let attempt: object | undefined;
  let opening: Line | undefined;
  let active: Line | undefined;
  /** The line before `active`: it stays a moment, until each channel has been taken over. */
  let leaving: Line | undefined;
  let lines = 0;
  let monitor: Monitor | undefined;
  let maxChannels = MAX_CHANNELS;
  let connectedAtMs = 0;
  let dialledAtMs = 0;
  /** Both long ago. */
  let failedAtMs = -WAKE_FLOOR_MS;
  let movedAtMs = -MOVE_PAUSE_MS;
  let retryAtMs = 0;
  /** A server asked for the delay: nothing shortens it. */
  let isHeldOff = false;

  const become = (state: ClientState, memory = connection) => {
    if (connection.state.type === 'closed') return;
    connection = { ...memory, state };
    if (state.type === 'closed') release();
    owner.state(state);
  };

  const retry = (ms: number) => {
    retryAtMs = now() + ms;
    timers.set(dial, ms);
  };

  const dialIn = (ms: number) => {
    if (isHeldOff) return;
    if (ms > 0) retry(ms);
    else dial();
  };

  /** Connects, or replaces the link that works; not while that is on its way, nor once all is closed. */
  const dial = () => {
    const mine = {};
    attempt = mine;
    timers.delete(dial);
    timers.set(expire, CONNECT_LIMIT_MS);
    dialledAtMs = now();
    monitor ??= createMonitor(settings, page);
    if (active) movedAtMs = now();
    else if (connection.state.type !== 'connecting') become({ type: 'connecting' });
    // A listener may have closed the client.
    if (attempt !== mine) return;
    session
      .connect(active ? [active.node] : connection.exclude)
      .then((node) => attempt === mine && open(node))
      .catch((error) => attempt === mine && end(toFailure(error, settings.url)));
  };
  /** Discovery has a limit of its own, that is over by then. */
  const expire = () => end(createTimeout(session.state.node?.url));

  const open = ({ id, url }: NodeAddress) => {
    const line = openLink({
      ...settings,
      ...owner,
      order: ++lines,
      session: session.state,
      url,
      connected(transport, heartbeatMs, limits) {
        const isNew = line === opening;
        if (isNew) take(line);
        if (line !== active) return;
        maxChannels = limits?.channelsPerConnection ?? maxChannels;
        (monitor as Monitor).connected(heartbeatMs);
        if (isNew) become({ type: 'connected', transport, node: id });
      },
      touch() {
        if (line === active) (monitor as Monitor).touch();
        // What comes, however slowly, is progress for a while.
        else if (line === opening)
          timers.set(expire, Math.min(CONNECT_LIMIT_MS, dialledAtMs + TRICKLED_CONNECT_MS - now()));
      },
      receive(event, source) {
        if (event.type !== 'move') return owner.receive(event, source);
        // It is not passed around without a pause where every node wants it elsewhere.
        if (line === active && !attempt) dialIn(movedAtMs + MOVE_PAUSE_MS - now());
      },
      lost: (failure) => end(failure, line),
    }) as Line;
    line.node = id;
    opening = line;
  };

  /** A line works: the one before it is left. */
  const take = (line: Line) => {
    leave();
    leaving = active;
    timers.set(leave, LEAVE_MS);
    active = line;
    connectedAtMs = now();
    isHeldOff = false;
    settle();
  };

  /** The attempt is over. */
  const settle = () => {
    attempt = opening = undefined;
    timers.delete(expire);
  };

  const abandon = () => {
    session.drop();
    opening?.close();
    settle();
  };

  const leave = () => {
    leaving?.close();
    leaving = undefined;
  };

  const drop = () => {
    active = undefined;
    monitor?.connected(0);
    leave();
  };

  /** A line has ended; without one, the attempt on its way has failed before there was a line. */
  const end = (failure: Failure, line = opening) => {
    const { close } = failure;
    const before = line && line === active && now() - connectedAtMs >= STABLE_MS ? INITIAL : connection;
    const isActive = !!line && line === active;
    line?.close(failure);
    // One that another has replaced.
    if (line && line !== opening && !isActive) return;
    if (!isActive) {
      settle();
      failedAtMs = now();
    } else drop();
    if (line && isNodesFault(failure)) session.lost();
    if (close === CLOSE_UNAUTHORIZED || close === CLOSE_TICKET) session.spoil();
    const told = connection;
    owner.failed(failure);
    // A listener may have closed the client, and may have opened it again.
    if (connection !== told) return;
    // Its replacement is already on the way.
    if (attempt && (!isFinal(failure) || close === CLOSE_UNAUTHORIZED)) return become({ type: 'connecting' });
    isHeldOff = close >= CLOSE_WORD && (failure.retryAfterMs as number) > 0;
    if (active && !isOut(failure)) {
      // What failed was to replace a link that works.
      retry(backoff(REPLACE_FAILURES, random(), failure));
    } else {
      const lost = lose(before, failure, line?.node, random(), session.canHeal);
      become(lost.state, lost);
      if (lost.state.type === 'waiting' && connection.state === lost.state) retry(lost.state.retryInMs);
    }
  };

  const page = {
    doubt: () => active?.probe(),
    silent() {
      if (active) end(createTimeout(session.state.node?.url), active);
    },
    /** Leaves neither a link nor an attempt; no failure of anybody's. */
    sleep(isAway: boolean) {
      if (connection.state.type === 'waiting' && !isAway) return;
      abandon();
      active?.close(createFailure(CLOSE_LATER, 'offline'));
      drop();
      isHeldOff = false;
      // A page that is put away asks nobody any more, while it still runs.
      const retryInMs = isAway ? BACKOFF_CAP_MS : backoff(connection.failures, random());
      retry(retryInMs);
      become({ type: 'waiting', retryInMs, cause: 'offline' });
    },
    wake(wasAway: boolean) {
      if (wasAway && attempt) {
        abandon();
        dial();
      }
      if (connection.state.type === 'waiting') dialIn(Math.min(retryAtMs, failedAtMs + WAKE_FLOOR_MS) - now());
    },
    seen: () => active?.quiet(),
  };

  const release = () => {
    abandon();
    active?.close();
    drop();
    session.close();
    monitor?.stop();
    monitor = undefined;
    for (const controller of asking) controller.abort();
    timers.clear();
  };

  const session = createSession(
    settings,
    owner.transports,
    () => active?.refresh(),
    (failure) => {
      if (isOut(failure)) become({ type: 'closed', code: failure.close, reason: failure.code });
      else owner.failed(failure);
    },
  );

  return {
    get maxChannels() {
      return maxChannels;
    },
    given: session.state,
    connect() {
      if (connection.state.type === 'closed') connection = INITIAL;
      if (connection.state.type === 'idle') dial();
    },
    sync() {
      opening?.sync();
      active?.sync();
    },
    publish: (outgoing) => !!active?.publish(outgoing),
    async history(name, begin, mayLag) {
      const stop = new AbortController();
      asking.add(stop);
      try {
        const { state } = session;
        const cached = mayLag && (await settings.readCache?.(settings, state, name, begin, stop.signal));
        return cached || (await fetchHistory(settings, state, name, begin, stop));
      } finally {
        asking.delete(stop);
      }
    },
    close: (reason = 'closed') => become({ type: 'closed', code: CLOSE_NORMAL, reason }),
  };
};
