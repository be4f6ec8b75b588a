// What the SDK uses of the host that it runs in: public types that need no library of any host.

/** An `AbortSignal`, where the project has that type; else what is used of one. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } } ? Known : SignalLike;
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The part of a WebSocket that the SDK uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** The part of `fetch` that the SDK uses. */
export type Fetch = (url: string, init: RequestLike) => Promise<ResponseLike>;
export interface RequestLike {
  readonly method: string;
  readonly headers: Record<string, string>;
  /** A GET has none. */
  readonly body?: string;
  readonly signal: Signal;
}
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Where it is missing, as in React Native, streams are left to the other transports. */
  readonly body?: unknown;
  json(): Promise<unknown>;
}

/** Time, as the SDK uses it. Its functions are called on their own, not as methods. */
export interface Clock {
  /** Milliseconds since 1970: for what is stored. */
  readonly now: () => number;
  /** Milliseconds since some moment; never goes back, whatever is done to the system's clock: for durations. */
  readonly monotonic: () => number;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: never) => void;
}

/** The part of a `Storage` that the SDK uses. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** What `using` and `await using` call, where the project has that symbol. */
export type Disposal = SymbolConstructor extends { readonly dispose: infer Key extends symbol }
  ? { readonly [Name in Key]: () => void }
  : object;
