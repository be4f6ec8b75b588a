// `fanfare/client/react`: hooks for a client that a provider hands down.

'use client';

import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useSyncExternalStore,
} from 'react';
import { misuse } from './arguments.js';
import { createChannelFailure, type FanfareError } from './errors.js';
import { CLOSE_REFUSED } from './numbers.js';
import type {
  After,
  AnyChannels,
  Beginning,
  Client,
  ClientState,
  Gap,
  Message,
  Subscription,
  SubscriptionState,
} from './types.js';

/** The part of a client that the hooks use: one of any map of channels. */
export interface HookClient {
  readonly state: ClientState;
  readonly connection: unknown;
  on(type: 'state', listener: (state: ClientState) => void): () => void;
  subscribe(channel: never): unknown;
}

/** What a component sees of a channel. A new object after each change, the same one else. */
export interface ChannelView<T = unknown> {
  /** In order; the newest `keep` of them. */
  readonly messages: readonly Message<T>[];
  /** The newest gap, if there was one: some messages before it are gone for good. */
  readonly gap: Gap | undefined;
  readonly state: SubscriptionState;
  /** Why a server, or the end of the client, ended the subscription. */
  readonly error: FanfareError | undefined;
}

export interface ChannelOptions extends Beginning {
  /** How many messages stay in `messages`. Default 1,000. */
  readonly keep?: number | undefined;
}

const Context = createContext<HookClient | undefined>(undefined);

/** Hands a client to the hooks below it. Make the client outside of components; it opens nothing before something is asked of it. */
export const FanfareProvider: FunctionComponent<{ readonly client: HookClient; readonly children?: ReactNode }> = ({
  client,
  children,
}) => createElement(Context.Provider, { value: client }, children);

/** The provider's client. Throws without one. */
export const useClient = <Channels extends object = AnyChannels>(): Client<Channels> => {
  const client = useContext(Context);
  if (!client) throw new Error('useClient: there is no FanfareProvider above');
  return client as unknown as Client<Channels>;
};

/** What a server renders, and a page that takes that over, until it looks. */
const IDLE: ClientState = { type: 'idle' };
const EMPTY: ChannelView<never> = { messages: [], gap: undefined, state: { type: 'pending' }, error: undefined };

/** What a component watches: it subscribes while somebody looks, and goes on where it was when somebody looks again. */
const createStore = (client: Client, channel: string | undefined, beginning: Beginning, keep: number) => {
  let view: ChannelView = EMPTY;
  let position: After | undefined;
  let fresh: Message[] = [];
  /** Who was sent them. */
  let user: string | null | undefined;

  const isAnothers = () => {
    const before = user;
    ({ user = before } = client.connection ?? {});
    return before !== undefined && user !== before;
  };

  const watch = (changed: () => void) => {
    let subscription: Subscription | undefined;
    let isQueued = false;
    let isOver = false;

    // What comes in one turn is one rendering.
    const flush = () => {
      isQueued = false;
      if (fresh[0]) view = { ...view, messages: [...view.messages, ...fresh].slice(-keep) };
      fresh = [];
      if (!isOver) changed();
    };
    const become = (part: Partial<ChannelView>) => {
      view = { ...view, ...part };
      if (!isQueued) queueMicrotask(flush);
      isQueued = true;
    };
    const see = (state: SubscriptionState) => {
      const isEnd = state.type === 'closed' && state.code !== 'unsubscribed';
      if (state.type !== view.state.type)
        become({ state, error: isEnd ? createChannelFailure(channel, CLOSE_REFUSED, state.code) : undefined });
    };

    const start = () => {
      try {
        subscription = client.subscribe(channel as string, position ? { after: position } : beginning);
        subscription.on('message', (message) => {
          fresh.push(message);
          become({});
        });
        subscription.on('gap', (gap) => become({ gap }));
        subscription.on('state', see);
        see(subscription.state);
      } catch (error) {
        const { code } = error as FanfareError;
        // Such as a bad name, which is a mistake of the component's.
        if (!code) throw error;
        become({ state: { type: 'closed', code }, error: error as FanfareError });
      }
    };
    /** Nothing of one user is shown to another. */
    const reset = () => {
      position = undefined;
      fresh = [];
      become(EMPTY);
    };
    const leave = () => {
      const { offset = '' } = subscription ?? {};
      if (/^\d/.test(offset)) position = offset;
      subscription?.unsubscribe();
    };

    let wasClosed = client.state.type === 'closed';
    // After a log-in, say, a client that was closed is opened again.
    const undo = client.on('state', ({ type }) => {
      const isOpened = wasClosed && type !== 'closed';
      const isOther = isAnothers();
      wasClosed = type === 'closed';
      if (isOpened || isOther) leave();
      if (isOther) reset();
      if (isOpened || isOther) start();
    });
    if (isAnothers()) reset();
    start();
    return () => {
      isOver = true;
      undo();
      leave();
    };
  };
  return { read: () => view, watch: channel ? watch : () => () => {} };
};

/**
 * Messages of a channel while the component is there, from `after` or the `last` so many on; by default from now on. Without a channel (`null`)
 * it watches nothing. Another channel, client, user or beginning begins anew, without a message of the one before. On a server it shows nothing.
 */
export const useChannel = <T = unknown>(
  channel: string | null | undefined,
  { after, last, keep = 1_000 }: ChannelOptions = {},
): ChannelView<T> => {
  if (!(keep >= 1)) misuse('keep', keep, 'at least 1');
  const client = useClient();
  const { read, watch } = useMemo(
    () => createStore(client, channel ?? undefined, { after, last }, keep),
    [client, channel, after, last, keep],
  );
  return useSyncExternalStore(watch, read, () => EMPTY) as ChannelView<T>;
};

/** Where the provider's client stands. */
export const useClientState = (): ClientState => {
  const client = useClient();
  return useSyncExternalStore(
    useCallback((changed) => client.on('state', changed), [client]),
    () => client.state,
    () => IDLE,
  );
};
