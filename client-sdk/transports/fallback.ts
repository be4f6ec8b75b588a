// The ladder: a transport that tries others, best first, goes on with what works, and itself looks like one of them.

import type { Transport } from '../../src/protocol/index.js';
import { createTimeout, type Failure, toFailure } from '../errors.js';
import type { Link, OpenLink } from '../link.js';
import {
  BESIDE_MS,
  CLOSE_UNHEARD,
  CLOSE_WORD,
  DOUBT_MS,
  MAX_PROBE_MS,
  PROBE_MS,
  SIGN_MS,
  SLOW_MS,
  TRANSPORT_LIMIT_MS,
  TRICKLE_MS,
  TRICKLED_ANSWER_MS,
  YOUNG_DEATHS,
  YOUNG_MS,
} from '../numbers.js';
import type { Settings } from '../settings.js';
import { createTimers } from '../timers.js';
import { createMemory } from './memory.js';

const ignore = () => undefined;

/** Whether it is a server's word, which says nothing about the transport; but that it has heard nothing does. */
const isWord = ({ close }: Failure) => close >= CLOSE_WORD && close !== CLOSE_UNHEARD;

/** Tries `transports` in their order; needs at least one. */
export const fallback = (transports: ReadonlyMap<Transport, OpenLink>, settings: Settings): OpenLink => {
  const { clock } = settings;
  const now = clock.monotonic;
  const names = [...transports.keys()];
  const memory = createMemory(settings);
  /** Links of one transport in a row that died young. */
  let deaths = 0;
  /** When the better ones are tried again, and how long that is after the time before. */
  let probeAtMs = 0;
  let pauseMs = 0;

  /** Begins with it from now on, and so do other pages. Where the first one works nothing is stored. */
  const prefer = (index: number) => {
    deaths = probeAtMs = 0;
    memory.remember(index ? (names[index] as Transport) : '');
  };

  return (host) => {
    const timers = createTimers(clock);
    /** Those that were opened and have not failed; once there is a winner, it alone. */
    const links = new Set<Link>();
    const first = Math.max(0, names.indexOf(memory.recall() as Transport));
    const order = [...names.keys()];
    order.unshift(...order.splice(first));
    const slowAtMs = now() + SLOW_MS;
    let failure = toFailure('no transport', host.url);
    let newest: Link | undefined;
    let winner: number | undefined;
    let wonAtMs = 0;
    let heartbeat = 0;
    /** One that may be better than the winner, and has to show that it lasts. */
    let trial: Link | undefined;

    const opener = (name: Transport) => (host.session.transports.includes(name) ? transports.get(name) : undefined);

    const start = () => {
      const index = order.shift() ?? -1;
      const name = names[index];
      if (!name) return links.size || host.lost(failure);
      const openLink = opener(name);
      // What comes after a long poll would ask the same. The one that worked lately, or is the best, has a while for itself.
      timers.set(start, !openLink ? 0 : name === 'long-poll' ? SLOW_MS : Math.max(BESIDE_MS, slowAtMs - now()));
      if (!openLink) return;
      try {
        const untilMs = now() + (/poll/.test(name) ? TRICKLED_ANSWER_MS : TRICKLE_MS);
        const within = (ms: number) => Math.min(ms, untilMs - now());
        const expire = () => giveUp(link, createTimeout(host.url));
        const link: Link = openLink({
          ...host,
          touch() {
            // What comes, however slowly, is progress: it needs nobody beside it.
            if (winner === undefined && links.has(link)) {
              timers.set(expire, within(TRANSPORT_LIMIT_MS));
              if (link === newest && order[0] !== undefined) timers.set(start, within(SLOW_MS));
            }
            host.touch();
          },
          connected(_, heartbeatMs, limits) {
            heartbeat = heartbeatMs;
            if (winner === undefined) {
              links.delete(link);
              stop();
              links.add(link);
              win(index);
            }
            host.connected(name, heartbeatMs, limits);
          },
          lost: (why) => giveUp(link, why),
        });
        newest = link;
        links.add(link);
        timers.set(expire, TRANSPORT_LIMIT_MS);
      } catch (error) {
        failure = toFailure(error, host.url);
        timers.set(start, 0);
      }
    };

    const win = (index: number) => {
      winner = index;
      wonAtMs = now();
      if (index !== first) prefer(index);
      if (!index) return;
      if (!probeAtMs) {
        pauseMs = PROBE_MS;
        probeAtMs = wonAtMs + pauseMs;
      }
      timers.set(probe, probeAtMs - wonAtMs);
    };

    /** Tries the better ones, beside the winner. */
    const probe = () => {
      pauseMs = Math.min(2 * pauseMs, MAX_PROBE_MS);
      probeAtMs = now() + pauseMs;
      timers.set(probe, pauseMs);
      // The one before it may be still on its way: timers of a page that was frozen come all at once.
      if (!trial) climb(0);
    };

    /** Has one show that it lasts, without a word to the application; then asks for a link that begins with it. */
    const climb = (index: number): void => {
      const name = names[index] as Transport;
      // None does.
      if (index === winner) return memory.remember(name);
      let isAsked = false;
      const ask = () => {
        isAsked = true;
        timers.set(fail, SIGN_MS);
        (trial as Link).probe();
      };
      const end = () => {
        timers.delete(ask);
        timers.delete(fail);
        trial?.close();
        trial = undefined;
      };
      const fail = () => {
        end();
        climb(index + 1);
      };
      const connected = () => {
        timers.delete(fail);
        timers.set(ask, YOUNG_MS);
      };
      const touch = () => {
        if (!isAsked) return;
        end();
        prefer(index);
        host.receive({ type: 'move', withinMs: 0, reason: '' }, { order: host.order, sinceMs: 0 });
      };
      timers.set(fail, TRANSPORT_LIMIT_MS);
      try {
        trial = opener(name)?.({
          ...host,
          ...{ connected, touch, lost: fail, receive: ignore, refuse: ignore, failed: ignore },
        });
      } catch {
        // As where a page may not open it.
      }
      if (!trial) fail();
    };

    const giveUp = (link: Link, why: Failure) => {
      failure = why;
      // The winner has nobody behind it.
      if (winner !== undefined || isWord(why)) return host.lost(why);
      link.close(why);
      if (links.delete(link) && (link === newest || !links.size)) start();
    };

    const stop = (why?: Failure) => {
      timers.clear();
      trial?.close();
      for (const link of links) link.close(why);
      links.clear();
    };
    const each = (method: 'sync' | 'refresh' | 'probe' | 'quiet') => () => {
      for (const link of links) link[method]();
    };

    start();
    return {
      sync: each(/* @__KEY__ */ 'sync'),
      refresh: each(/* @__KEY__ */ 'refresh'),
      probe: each(/* @__KEY__ */ 'probe'),
      quiet: each(/* @__KEY__ */ 'quiet'),
      publish: (outgoing) => [...links].some((link) => link.publish(outgoing)),
      close(why) {
        stop(why);
        if (winner === undefined || !why || isWord(why)) return;
        const ageMs = now() - wonAtMs;
        const isSilent = why.code === 'timeout';
        deaths = isSilent || ageMs < YOUNG_MS ? deaths + 1 : 0;
        // What fell silent within its first heartbeat is noticed so late.
        const isDeaf = isSilent && ageMs <= 2 * heartbeat + DOUBT_MS + SIGN_MS;
        if (isDeaf || deaths >= YOUNG_DEATHS) prefer((winner + 1) % names.length);
      },
    };
  };
};
