// What `sse` and the polls share: asking for a set of channels, taking over from the set before, and publishing by POST.

import type { AnnouncedLimits, Begin, ServerEvent, Transport } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { isStale } from '../channel.js';
import { type Coded, createEnd, createRefusal, type Failure, isFinal, toFailure } from '../errors.js';
import { post } from '../http.js';
import { diff, type Link, type LinkHost, placesOf, type Source, type Wanted } from '../link.js';
import {
  ANSWER_LIMIT_MS,
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_REFUSED,
  CLOSE_UNAUTHORIZED,
  REPEAT_FAILURES,
} from '../numbers.js';
import { createTimers } from '../timers.js';
import type { ResponseLike } from '../types.js';

/** A set of channels that is asked for: one stream, or one poll after the other. */
export interface Question extends AbortController, Source {
  readonly asked: ReadonlyMap<string, Wanted>;
  /** Names of channels that it has not answered for yet. */
  readonly fresh: Set<string>;
  /** The positions that it asked after. */
  after: Readonly<Record<string, Begin>>;
  /** POSTs to the node: the positions of now, and `more`. */
  post(path: string, more?: object): Promise<ResponseLike>;
  /** One event of the answer; the first shows that the link works. */
  take(event: AnyEvent): void;
  /** Something of its answer came. */
  touch(): void;
  /** Asks again. */
  next(): void;
}

/** Fields that some events have. */
type AnyEvent = ServerEvent & {
  readonly channel?: string;
  readonly heartbeatMs?: number;
  readonly limits?: AnnouncedLimits;
};

/** So that all questions of a link lie between it and the next. */
const SOURCE_STEP = 2 ** -30;

/** Longer silence than `silenceMs` is doubtful, unless the node says otherwise. `ask` rejects when there is no more to come, or resolves with the milliseconds after which to ask again. */
export const createHttpLink = (
  host: LinkHost,
  transport: Transport,
  silenceMs: number,
  ask: (question: Question) => Promise<number>,
): Link => {
  const { channels, session, random, fetch } = host;
  const timers = createTimers(host.clock);
  /** Those that some question has answered for. */
  const answered = new WeakSet<Wanted>();
  /** The one that delivers, if any, and the newest; never more. */
  let questions: Question[] = [];
  let serial = 0;
  /** Left out while it is looked for which of them are refused. */
  const doubtful = new Set<Wanted>();
  let asked: ReadonlyMap<string, Wanted> = channels;
  /** What an answer may be silent for, as it says itself; none before the first. */
  let beatMs: number | undefined;
  let publishing: AbortController | undefined;
  let isClosed = false;

  const connect = ({ heartbeatMs = 0, limits }: Partial<AnyEvent>) => {
    if (beatMs === undefined || heartbeatMs > 0) {
      beatMs = heartbeatMs > 0 ? heartbeatMs : 0;
      host.connected(transport, beatMs || silenceMs, limits);
    }
  };

  const keep = (isNeeded: (question: Question) => unknown) => {
    for (const question of questions) if (!isNeeded(question)) end(question);
  };
  const end = (question: Question, why?: Failure) => {
    questions = questions.filter((other) => other !== question);
    timers.delete(open);
    timers.delete(question.next);
    question.abort(why);
  };

  const send = (path: string, body: object, { signal }: AbortController) =>
    post(fetch, host.url + path, session.ticket, body, signal);

  /** What is wanted but for the doubtful, which have their turn where nothing else is left. */
  const confident = () => {
    const sure = [...channels].filter(([, channel]) => !doubtful.has(channel));
    if (!sure[0]) doubtful.clear();
    return new Map(sure[0] ? sure : channels);
  };

  const open = () => {
    timers.delete(open);
    // As by whoever was told of a refusal.
    if (isClosed) return;
    asked = confident();
    // What has not answered for a channel has nothing that could be lost with it.
    keep((question) => channels.size && question === questions[0] && question.fresh.size < question.asked.size);
    // Without channels there is nothing to ask; the first one will show whether it works.
    if (channels.size) start(asked);
    else timers.set(() => connect({}), 0);
  };

  /** The newest is asked anew where nothing comes of it any more while another delivers, so that nobody takes the link for dead. */
  const watch = (question: Question, ms = 0) => {
    if (question === questions[1]) timers.set(open, ANSWER_LIMIT_MS + ms);
  };

  const start = (asked: ReadonlyMap<string, Wanted>) => {
    const mine = new AbortController();
    const { signal } = mine;
    const question: Question = Object.assign(mine, {
      asked,
      order: host.order + ++serial * SOURCE_STEP,
      sinceMs: host.clock.monotonic(),
      fresh: new Set(asked.keys()),
      after: {},
      post(path: string, more?: object) {
        question.after = Object.fromEntries([...asked.values()].map(({ name, position }) => [name, position]));
        return send(path, { channels: placesOf([...asked.values()]), ...more }, mine);
      },
      take(event: AnyEvent) {
        if (!signal.aborted) take(question, event);
      },
      touch() {
        watch(question, beatMs);
        host.touch();
      },
      async next() {
        watch(question);
        try {
          const pauseMs = await ask(question);
          if (signal.aborted) return;
          watch(question, pauseMs);
          if (pauseMs) timers.set(question.next, pauseMs);
          else question.next();
        } catch (error) {
          if (!signal.aborted) lose(question, toFailure(error, host.url));
        }
      },
    });
    questions.push(question);
    question.next();
  };

  const take = (question: Question, event: AnyEvent) => {
    const { type, channel: name = '' } = event;
    const channel = channels.get(name);
    const known = channel && channel === question.asked.get(name);
    connect(event);
    if (type === 'close') throw createEnd(event.code, event.reason, event.retryAfterMs);
    if (known && (type === 'error' || (type === 'unsubscribed' && event.code))) throw createRefusal(event as Coded);
    if (known && type === 'subscribed' && question.fresh.has(name)) {
      // What came between the two would be lost. (A poll does not say where it began; one that another has replaced takes over nothing.)
      const isElsewhere = transport !== 'sse' || event.offset !== channel.position;
      if (isElsewhere && isStale(question.after[name], channel)) return renew(question);
      question.fresh.delete(name);
      answered.add(channel);
      // A newer one is on its way to take over.
      if (!question.fresh.size) {
        keep((other) => other === question || other === questions.at(-1));
        if (doubtful.size && question === questions.at(-1)) {
          doubtful.clear();
          open();
        }
      }
    }
    if ((known || !name) && host.receive(event, question)) renew(question);
  };
  /** It delivers nothing more; a newer one is on its way already, or is opened. */
  const renew = (question: Question) => {
    if (question === questions.at(-1)) open();
  };

  const lose = (question: Question, failure: Failure) => {
    const isNewest = question === questions.at(-1);
    end(question);
    // The one that is taking over goes on after the same positions.
    if (!isNewest) return;
    const named = failure.channels ?? (failure.channel && [failure.channel]);
    // A refusal that names none is about those that nothing has answered for.
    const refused = [...question.asked.values()].filter((channel) =>
      named ? named.includes(channel.name) : !answered.has(channel),
    );
    if (refused[0] && (failure.close === CLOSE_REFUSED || (named && failure.close === CLOSE_LATER))) {
      const isOfSome = !named && /^(bad|too)_/.test(failure.code);
      if (isOfSome && refused[1]) {
        // One of them is refused, or all are too many: the others are none the worse for it.
        for (const channel of refused.slice(refused.length >> 1)) doubtful.add(channel);
      } else {
        // Where there is no room for one, there is none for what comes behind it.
        const behind = isOfSome && failure.code[0] === 't' ? doubtful : [];
        for (const channel of [...refused, ...behind]) host.refuse(channel, failure);
      }
      open();
    } else if (failure.code === 'rate_limited' || (questions[0] && !isFinal(failure))) {
      host.failed(failure);
      if (!isClosed) timers.set(open, backoff(REPEAT_FAILURES, random(), failure));
    } else host.lost(failure);
  };

  const publish: Link['publish'] = ({ type, body, done }) => {
    if (publishing) return false;
    const mine = new AbortController();
    const expire = () => mine.abort();
    publishing = mine;
    timers.set(expire, ANSWER_LIMIT_MS);
    const settle = (failure: Failure | undefined, offset?: string) => {
      timers.delete(expire);
      // After the end the outbox repeats it over the next link.
      if (publishing !== mine) return;
      publishing = undefined;
      done(failure, offset);
      const { close, code } = failure ?? {};
      // Where nothing is asked, this is all that shows that the node is gone.
      const isGone = !questions[0] && (close === CLOSE_NETWORK || code === 'draining');
      if (failure && (isGone || close === CLOSE_UNAUTHORIZED)) host.lost(failure);
    };
    const ask = async () => {
      const { offset } = (await (await send(`/v1/${type}`, body, mine)).json()) as { readonly offset?: string };
      if (!offset) throw new TypeError('not an answer of a node');
      return offset;
    };
    ask().then(
      (offset) => settle(undefined, offset),
      (error) => settle(toFailure(error, host.url)),
    );
    return true;
  };

  open();
  return {
    sync() {
      const { gone, fresh } = diff(asked.values(), confident());
      if (gone[0] || fresh[0]) open();
    },
    publish,
    refresh: open,
    // A successor at the same positions takes over with what it says first; without channels there is nothing to ask.
    probe() {
      if (channels.size) open();
      else host.touch();
    },
    quiet() {
      if (transport === 'sse' && host.page.isHidden()) open();
    },
    close(why) {
      isClosed = true;
      publishing?.abort();
      publishing = undefined;
      for (const question of questions) end(question, why);
      timers.clear();
    },
  };
};
