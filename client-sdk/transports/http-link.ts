// What `sse` and the polls share: asking for a set of channels, taking over from the set before, and publishing by POST.

import type { After, PATHS, ServerEvent, Transport } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { createEnd, createRefusal, type Failure, isFinal, toFailure } from '../errors.js';
import { post } from '../http.js';
import type { Link, LinkHost, Wanted } from '../link.js';
import { CLOSE_UNAUTHORIZED, PUBLISH_LIMIT_MS, REPEAT_FAILURES } from '../numbers.js';
import { isHidden } from '../page.js';
import { createTimers } from '../timers.js';

/** A set of channels that is asked for: one stream, or one poll after the other. */
export interface Question extends AbortController {
  readonly asked: ReadonlyMap<string, Wanted>;
  /** Names of channels that it has not answered for yet. */
  readonly fresh: Set<string>;
  /** The positions that it asked after. */
  after: Readonly<Record<string, After>>;
  /** POSTs to the node: the positions of now, and `more`. */
  post(path: string, more?: object): Promise<Response>;
  /** One event of the answer; the first shows that the link works. */
  take(event: AnyEvent): void;
}

/** Fields that some events have. */
type AnyEvent = ServerEvent & { readonly channel?: string; readonly heartbeatMs?: number };

/** Longer silence than `silenceMs` is doubtful, unless the node says otherwise. `ask` rejects when there is no more to come, or resolves with the milliseconds after which to ask again. */
export const createHttpLink = (
  host: LinkHost,
  transport: Transport,
  silenceMs: number,
  ask: (question: Question) => Promise<number>,
): Link => {
  const { channels, session, random, fetch } = host;
  const timers = createTimers(host.clock);
  /** Which question delivers a channel: the one that said `subscribed` last. */
  const delivering = new WeakMap<Wanted, Question>();
  /** The one that delivers, if any, and the newest; never more. */
  let questions: Question[] = [];
  let asked: ReadonlyMap<string, Wanted> | undefined;
  let connected = false;
  let publishing: AbortController | undefined;

  const connect = (heartbeatMs?: number) => {
    if (!connected || heartbeatMs) host.connected(transport, heartbeatMs ?? silenceMs);
    connected = true;
  };

  const keep = (isNeeded: (question: Question) => unknown) => {
    questions = questions.filter((question) => isNeeded(question) || question.abort());
  };

  const send = (path: string, body: object, { signal }: AbortController) =>
    post(fetch, host.url + path, session.ticket, body, signal);

  const open = () => {
    timers.delete(open);
    asked = new Map(channels);
    // What has not answered for a channel has nothing that could be lost with it.
    keep((question) => channels.size && question === questions[0] && question.fresh.size < question.asked.size);
    // Without channels there is nothing to ask; the first one will show whether it works.
    if (channels.size) start(asked);
    else timers.set(() => connect(), 0);
  };

  const start = (asked: ReadonlyMap<string, Wanted>) => {
    const mine = new AbortController();
    const { signal } = mine;
    const question: Question = Object.assign(mine, {
      asked,
      fresh: new Set(asked.keys()),
      after: {},
      post(path: string, more?: object) {
        question.after = Object.fromEntries([...asked.values()].map(({ name, position }) => [name, position]));
        return send(path, { channels: question.after, ...more }, mine);
      },
      take(event: AnyEvent) {
        if (!signal.aborted) take(question, event);
      },
    });
    const next = async () => {
      try {
        const pauseMs = await ask(question);
        if (signal.aborted) return;
        if (pauseMs) timers.set(next, pauseMs);
        else next();
      } catch (error) {
        if (!signal.aborted) lose(question, toFailure(error));
      }
    };
    questions.push(question);
    next();
  };

  const take = (question: Question, event: AnyEvent) => {
    const { type, channel: name = '' } = event;
    const channel = channels.get(name);
    const known = channel && channel === question.asked.get(name);
    connect(event.heartbeatMs);
    if (type === 'close') throw createEnd(event.code, event.reason, event.retryAfterMs);
    if (known && type === 'error') throw createRefusal(event);
    if (known && type === 'subscribed' && question.fresh.has(name)) {
      // Another has said meanwhile what `now` stands for: what came between the two would be lost.
      if (question.after[name] === 'now' && channel.position !== 'now') return open();
      question.fresh.delete(name);
      delivering.set(channel, question);
      // A newer one is on its way to take over.
      if (!question.fresh.size) keep((other) => other === question || other === questions.at(-1));
    }
    if (!name || (channel && delivering.get(channel) === question)) host.receive(event);
  };

  const lose = (question: Question, failure: Failure) => {
    const isNewest = question === questions.at(-1);
    keep((other) => other !== question);
    // The one that is taking over goes on after the same positions.
    if (!isNewest) return;
    const named = failure.channels ?? (failure.channel && [failure.channel]);
    // A refusal that names none is about those that nothing has answered for.
    const refused = [...channels.values()].filter((channel) =>
      named ? named.includes(channel.name) : !delivering.has(channel),
    );
    if (isFinal(failure) && failure.close !== CLOSE_UNAUTHORIZED && refused[0]) {
      for (const { name } of refused) host.refuse(name, failure);
      open();
    } else if (failure.code === 'rate_limited' || (questions[0] && !isFinal(failure))) {
      timers.set(open, backoff(REPEAT_FAILURES, random(), failure.retryAfterMs));
    } else host.lost(failure);
  };

  const publish: Link['publish'] = ({ body, done }) => {
    if (publishing) return false;
    const mine = new AbortController();
    const expire = () => mine.abort();
    publishing = mine;
    timers.set(expire, PUBLISH_LIMIT_MS);
    const answered = (failure: Failure | undefined, offset?: string) => {
      timers.delete(expire);
      // After the end the outbox repeats it over the next link.
      if (publishing !== mine) return;
      publishing = undefined;
      done(failure, offset);
      if (failure?.close === CLOSE_UNAUTHORIZED) host.lost(failure);
    };
    send('/v1/publish' satisfies (typeof PATHS)['publish'], body, mine)
      .then((response) => response.json())
      .then(
        ({ offset }) => answered(undefined, offset),
        (error) => answered(toFailure(error)),
      );
    return true;
  };

  open();
  return {
    sync() {
      if (asked?.size !== channels.size || [...channels].some(([name, channel]) => asked?.get(name) !== channel))
        open();
    },
    publish,
    refresh: open,
    // A successor at the same positions takes over with what it says first; without channels there is nothing to ask.
    probe() {
      if (channels.size) open();
      else host.touch();
    },
    quiet() {
      if (transport === 'sse' && isHidden()) open();
    },
    close() {
      publishing?.abort();
      publishing = undefined;
      keep(() => false);
      timers.clear();
    },
  };
};
