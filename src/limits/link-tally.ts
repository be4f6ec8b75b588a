// Links of one subject by their sessions, of each of which all but one count.

/** The most sessions that are told of by name: of more than this, the links of the others are told of as those of no session. Chosen: 2 KB. */
const MAX_NAMED = 128;

/** How much so many links of one session count. */
function worth(links: number): number {
  return links < 2 ? links : links - 1;
}

/** Counts; bounds nothing. The session `''` is no session: each of its links counts. */
export class LinkTally {
  /** All of them. */
  links = 0;
  /** Those that count. */
  counted = 0;
  readonly #bySession = new Map<string, number>();

  /** Links of this session; 0 of none. */
  of(session: string): number {
    return this.#bySession.get(session) ?? 0;
  }

  /** Whether a link of this session is one more that counts. */
  grows(session: string): boolean {
    return session === '' || this.of(session) !== 1;
  }

  add(session: string, links = 1): void {
    this.links += links;
    if (session === '') {
      this.counted += links;
      return;
    }
    const before = this.of(session);
    this.#bySession.set(session, before + links);
    this.counted += worth(before + links) - worth(before);
  }

  /** One that was added. */
  remove(session: string): void {
    this.links--;
    const before = this.of(session);
    if (before === 0) {
      this.counted--;
      return;
    }
    if (before === 1) this.#bySession.delete(session);
    else this.#bySession.set(session, before - 1);
    this.counted += worth(before - 1) - worth(before);
  }

  /** How many count of these and those together. */
  countedWith(others: LinkTally): number {
    let both = 0;
    for (const [session, links] of this.#bySession) {
      const there = others.of(session);
      if (there > 0) both += worth(links + there) - worth(links) - worth(there);
    }
    return this.counted + others.counted + both;
  }

  /** `''` where there are none, else `<links of no session> <session> <session>*<its links> …`. */
  text(): string {
    if (this.links === 0) return '';
    let nameless = this.links;
    const named: string[] = [];
    for (const [session, links] of this.#bySession) {
      if (named.length === MAX_NAMED) break;
      named.push(links === 1 ? session : `${session}*${links}`);
      nameless -= links;
    }
    return [nameless, ...named].join(' ');
  }

  /** Adds what {@link text} told. What is no such text counts as far as it can be read. */
  addText(text: string): void {
    const [nameless, ...named] = text.split(' ');
    this.add('', wholeNumber(nameless));
    for (const entry of named) {
      const [session = '', links = '1'] = entry.split('*');
      if (session !== '') this.add(session, wholeNumber(links));
    }
  }
}

function wholeNumber(text: string | undefined): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
