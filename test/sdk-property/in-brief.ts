// Arrays of events as PROTOCOL 8.9 lets a node write them to who asked for `brief`.

type Event = Readonly<Record<string, unknown>>;

/** The same events, where a message leaves out what the message before it says. */
export function inBrief(events: readonly object[]): readonly object[] {
  let channel: unknown;
  let offset = '';
  return (events as readonly Event[]).map((event) => {
    if (event.type !== 'message') return event;
    const { type, channel: own, offset: at, ...rest } = event;
    const before = offset;
    offset = typeof at === 'string' ? at : before;
    if (own !== channel) {
      channel = own;
      return event;
    }
    return typeof at === 'string' ? { offset: at.slice(sharedLength(before, at)), ...rest } : rest;
  });
}

function sharedLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length - 1 && one[length] === other[length]) length++;
  return length;
}
