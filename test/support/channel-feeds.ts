// A queueing client for each way to read a public channel by its URL, from a node or through a cache, in the words of the other transports.

import { openEvents } from './event-reader.js';
import { EventQueue, type Feed, type FeedEvent } from './feed.js';
import { type GetAnswer, get } from './http-get.js';

/** Opens a reader of one public channel behind `base`, `http://host:port`, from `after` on. Events: `message`, `gap`, `closed`. */
export type OpenChannelFeed = (base: string, channel: string, after: string) => Feed;

interface Told {
  readonly gap?: { readonly after: string; readonly offset: string; readonly reason: string };
}

/** As an `EventSource`: it comes again by itself, after the event that it heard last. */
const openEventSource: OpenChannelFeed = (base, channel, after) => {
  const events = new EventQueue();
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  let isClosed = false;
  let close = () => {};
  const run = async () => {
    while (!isClosed) {
      const path = `/v1/channels/${channel}?offset=${after}&live=sse&format=messages`;
      const stream = await openEvents(base, path, { headers });
      close = stream.close;
      if (isClosed) close();
      for (let event = await stream.events.next(); event.type !== 'end'; event = await stream.events.next()) {
        if (event.id !== undefined) headers['Last-Event-ID'] = event.id;
        const data = JSON.parse(event.data);
        if (event.type === 'data') pushAll(events, data);
        else pushGap(events, data);
      }
    }
  };
  run().catch((error) => events.push({ type: 'closed', reason: String(error) }));
  return {
    events,
    close: () => {
      isClosed = true;
      close();
    },
  };
};

/** One request after the other, each from where the last one ended. */
function openPages(live: string, byTag: boolean): OpenChannelFeed {
  return (base, channel, after) => {
    const events = new EventQueue();
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      let [position, cursor, tag] = [after, '', ''];
      while (!signal.aborted) {
        const path = `/v1/channels/${channel}?offset=${position}${live}${cursor}&format=messages`;
        const headers: Record<string, string> = tag === '' ? {} : { 'If-None-Match': tag };
        const answer = await get(base, path, { signal, headers });
        const next = nextOf(events, answer);
        if (next !== position) tag = '';
        else if (byTag) tag = answer.headers.etag ?? tag;
        position = next;
        if (live !== '') cursor = `&cursor=${answer.headers['stream-cursor'] ?? 0}`;
      }
    };
    run().catch((error) => events.push({ type: 'closed', reason: String(error) }));
    return { events, close: () => controller.abort() };
  };
}

function nextOf(events: EventQueue, { status, headers, text }: GetAnswer): string {
  if (status === 410) pushGap(events, JSON.parse(text));
  else if (status === 200) pushAll(events, JSON.parse(text));
  else if (status !== 204 && status !== 304) throw new Error(`${status} ${text}`);
  return headers['stream-next-offset'] ?? '';
}

function pushAll(events: EventQueue, messages: readonly Omit<FeedEvent, 'type'>[]): void {
  for (const message of messages) events.push({ ...message, type: 'message' });
}

function pushGap(events: EventQueue, { gap }: Told): void {
  if (gap !== undefined) events.push({ ...gap, type: 'gap' });
}

/** Each way to read a channel by its URL. */
export const CHANNEL_FEEDS: Readonly<Record<string, OpenChannelFeed>> = {
  'event source': openEventSource,
  'long pages': openPages('&live=long-poll', false),
  pages: openPages('', false),
  'pages by tag': openPages('', true),
};
