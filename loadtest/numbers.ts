// Numbers the messages of a crowd's channels: 1, 2, 3 … on each, on and on over all windows of a run.

/** What a window's messages are numbered with: message `k` goes to channel `k % channels` as number `first + floor(k / channels)`. */
export interface Numbered {
  readonly messages: number;
  readonly channels: number;
  readonly first: number;
}

export class Numbers {
  private readonly channels: number;
  private next = 1;

  constructor(channels: number) {
    this.channels = channels;
  }

  /** Takes the numbers of a window. No later window has one of them, so that what comes too late is known for what it is. */
  take(messages: number): Numbered {
    const first = this.next;
    this.next += Math.ceil(messages / this.channels);
    return { messages, channels: this.channels, first };
  }
}

/** The number of a window's message `at`. */
export function numberOf(window: Numbered, at: number): number {
  return window.first + Math.floor(at / window.channels);
}

/** The number after the last that a window brings to a channel. */
export function endOf({ messages, channels, first }: Numbered, channel: number): number {
  return first + Math.floor(messages / channels) + (channel < messages % channels ? 1 : 0);
}
