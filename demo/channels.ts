// The channels that the page is in: their state, their position as it moves, and which one is published to.

import type { After, SubscriptionState } from '../client-sdk/types.js';
import { element, part, write } from './dom.js';

export interface ChannelsParts {
  readonly join: (channel: string) => void;
  readonly leave: (channel: string) => void;
  readonly selected: (channel: string) => void;
}

interface Row {
  readonly item: HTMLElement;
  readonly state: HTMLElement;
  readonly position: HTMLElement;
  readonly radio: HTMLInputElement;
  shown: string;
}

const NAMESPACE = 'demo:';
const MAX_CHANNELS = 6;
const NAME = /^[A-Za-z0-9_.:@=+~-]{1,40}$/;

const POSITIONS: Readonly<Record<string, string>> = { '-1': 'start of history', now: 'now' };

export class Channels {
  readonly #list = part('channels', HTMLElement);
  readonly #form = part('join', HTMLFormElement);
  readonly #input = part('join-name', HTMLInputElement);
  readonly #problem = part('join-problem', HTMLElement);
  readonly #parts: ChannelsParts;
  readonly #rows = new Map<string, Row>();

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join(this.#input.value.trim());
    });
    this.#list.addEventListener('change', () => parts.selected(this.selected));
  }

  /** What is published to. */
  get selected(): string {
    for (const [channel, { radio }] of this.#rows) if (radio.checked) return channel;
    return '';
  }

  show(channel: string, state: SubscriptionState): void {
    const row = this.#rows.get(channel) ?? this.#add(channel);
    row.item.dataset.state = state.type;
    write(row.state, state.type === 'subscribed' ? 'subscribed' : state.type === 'closed' ? state.code : 'waiting');
  }

  /** What has changed since it was drawn last is marked. */
  move(channel: string, position: After): void {
    const row = this.#rows.get(channel);
    if (row === undefined || row.shown === position) return;
    const same = commonLength(row.shown, position);
    row.shown = position;
    const named = POSITIONS[position];
    if (named !== undefined) return row.position.replaceChildren(named);
    const moved = element('span', { class: 'moved' }, position.slice(same));
    row.position.replaceChildren(position.slice(0, same), moved);
  }

  #add(channel: string): Row {
    const radio = element('input', { type: 'radio', name: 'target', value: channel });
    radio.checked = this.#rows.size === 0;
    const state = element('span', { class: 'channel-state', 'data-testid': 'channel-state' });
    const position = element('code', { class: 'channel-position', 'data-testid': 'position' });
    const leave = element('button', { class: 'quiet icon', type: 'button', 'aria-label': `Leave ${channel}` }, '×');
    leave.addEventListener('click', () => this.#leave(channel));
    const item = element(
      'li',
      { class: 'channel', 'data-testid': 'channel', 'data-channel': channel },
      element('label', {}, radio, element('span', { class: 'channel-name' }, channel)),
      state,
      leave,
      position,
    );
    const row: Row = { item, state, position, radio, shown: '' };
    this.#rows.set(channel, row);
    this.#list.append(item);
    this.#limit();
    return row;
  }

  #join(name: string): void {
    const channel = NAMESPACE + name;
    const problem = NAME.test(name)
      ? this.#rows.has(channel) && `You are in ${channel} already.`
      : 'Letters, digits and _ . : @ = + ~ - please, at most 40.';
    write(this.#problem, problem || '');
    this.#input.setAttribute('aria-invalid', String(Boolean(problem)));
    if (problem) return;
    this.#input.value = '';
    this.#parts.join(channel);
  }

  #leave(channel: string): void {
    const row = this.#rows.get(channel);
    if (row === undefined || this.#rows.size === 1) return;
    row.item.remove();
    this.#rows.delete(channel);
    this.#parts.leave(channel);
    const [first] = this.#rows.values();
    if (row.radio.checked && first !== undefined) {
      first.radio.checked = true;
      this.#parts.selected(this.selected);
    }
    this.#limit();
    this.#input.focus();
  }

  /** One channel stays, and there are not more than {@link MAX_CHANNELS}. */
  #limit(): void {
    this.#list.dataset.single = String(this.#rows.size === 1);
    this.#form.hidden = this.#rows.size >= MAX_CHANNELS;
  }
}

function commonLength(before: string, after: string): number {
  let length = 0;
  while (length < before.length && before[length] === after[length]) length++;
  return length;
}
