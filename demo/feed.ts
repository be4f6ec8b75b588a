// The list of what arrived, newest first, at most 200 entries.

import type { Gap, Message, Transport } from '../client-sdk/types.js';
import { element, part, write } from './dom.js';
import { formatMs, plural, shortOffset, type ToldGap, TRANSPORT_NAMES } from './format.js';
import type { ReadPayload } from './payload.js';

/** How a message came: at once, from history on the first subscription, or after an outage. */
export type Arrival = 'live' | 'history' | 'recovered';

export interface Entry {
  readonly message: Message;
  readonly payload: ReadPayload;
  readonly arrival: Arrival;
  readonly transport: Transport;
  /** `undefined` where the publisher did not say when. */
  readonly latencyMs: number | undefined;
}

const MAX_ENTRIES = 200;
/** How often what has arrived is spoken, so that a flood does not drown everything else. */
const SPEAK_EVERY_MS = 2_000;

export class Feed {
  readonly #list = part('messages', HTMLElement);
  readonly #empty = part('empty', HTMLElement);
  readonly #count = part('delivered', HTMLElement);
  /** Waits for the next frame; newest last. */
  #pending: HTMLElement[] = [];
  #frame = 0;
  #delivered = 0;
  readonly #announcer = part('message-announcer', HTMLElement);
  #unspoken = 0;
  #lastText = '';
  #speaking: ReturnType<typeof setTimeout> | undefined;

  add(entry: Entry): void {
    this.#delivered++;
    this.#unspoken++;
    this.#lastText = entry.payload.text;
    this.#speaking ??= setTimeout(() => this.#speak(), SPEAK_EVERY_MS);
    this.#enqueue(messageItem(entry));
  }

  addGap(gap: Gap, told: ToldGap): void {
    this.#enqueue(gapItem(gap, told));
  }

  clear(): void {
    this.#pending = [];
    this.#list.replaceChildren();
    this.#delivered = 0;
    this.#enqueue();
  }

  #speak(): void {
    const count = this.#unspoken;
    this.#unspoken = 0;
    this.#speaking = undefined;
    write(this.#announcer, `${plural(count, 'new message')}${count > 1 ? ', the last' : ''}: ${this.#lastText}`);
  }

  /** Many messages become one change of the page. */
  #enqueue(...items: readonly HTMLElement[]): void {
    this.#pending.push(...items);
    if (this.#pending.length > MAX_ENTRIES) this.#pending.shift();
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#frame = 0;
    this.#list.prepend(...this.#pending.toReversed());
    this.#pending = [];
    while (this.#list.childElementCount > MAX_ENTRIES) this.#list.lastElementChild?.remove();
    this.#empty.hidden = this.#list.childElementCount > 0;
    write(this.#count, `${this.#delivered} delivered`);
  }
}

function messageItem({ message, payload, arrival, transport, latencyMs }: Entry): HTMLElement {
  const { channel, offset } = message;
  const item = element('li', { class: 'entry', 'data-testid': 'message' });
  Object.assign(item.dataset, {
    channel,
    offset: offset ?? '',
    arrival,
    voice: transport,
    burst: String(payload.burst),
  });
  const latency = element('span', { class: 'entry-latency' }, latencyMs === undefined ? '–' : formatMs(latencyMs));
  latency.title =
    latencyMs === undefined
      ? 'The publisher did not say when'
      : `From the wire to here${payload.burst ? '; one of a burst, so no figure counts it' : ''}`;
  const meta = element('p', { class: 'entry-meta' });
  // What a client published is stamped with its sender; what is not came from a backend.
  const who = payload.by ?? (message.from ? (message.from.user ?? 'somebody') : 'a backend');
  meta.append(element('span', {}, who), element('span', {}, channel), element('span', {}, TRANSPORT_NAMES[transport]));
  const text = element('p', { class: 'entry-text', dir: 'auto', 'data-testid': 'message-text' }, payload.text);
  item.append(latency, element('div', { class: 'entry-body' }, text, meta), mark(arrival, offset));
  return item;
}

/** What is special about it, and its offset. */
function mark(arrival: Arrival, offset: string | undefined): HTMLElement {
  const box = element('div', { class: 'entry-mark' });
  if (arrival !== 'live') box.append(element('span', { class: 'tag', 'data-tag': arrival }, arrival));
  if (offset === undefined) {
    const tag = element('span', { class: 'tag', 'data-tag': 'live-only' }, 'live only');
    tag.title = 'Published with PUBLISH: it has no offset and cannot be recovered';
    box.append(tag);
  } else box.append(element('code', { class: 'entry-offset', title: `Offset ${offset}` }, shortOffset(offset)));
  return box;
}

function gapItem({ channel, reason, offset }: Gap, { title, detail }: ToldGap): HTMLElement {
  return element(
    'li',
    { class: 'entry entry-gap', 'data-testid': 'gap', 'data-channel': channel, 'data-reason': reason },
    element('strong', {}, 'Gap'),
    element('p', {}, `${title}. ${detail}`),
    element('code', { class: 'entry-offset', title: `Offset ${offset}` }, shortOffset(offset)),
  );
}
