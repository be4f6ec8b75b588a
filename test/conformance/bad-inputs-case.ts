// What a row of the bad-input table is: what is sent, what must come back, and how the docs say it.

import { type Code, codeInfo } from '../../src/protocol/index.js';

interface Row {
  readonly group: string;
  /** What is sent, in Markdown. */
  readonly title: string;
}

/** One HTTP request that is well-formed enough for an HTTP client to send. */
export interface HttpRow extends Row {
  readonly kind: 'http';
  readonly method?: string;
  readonly path: string;
  /** `user`: a ticket that may do all; `backend`: the publish key; a text or texts: that, word for word. */
  readonly authorization?: 'user' | 'backend' | 'admin' | 'none' | readonly string[];
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Sends the body without `Content-Length`. */
  readonly chunked?: boolean;
  readonly expect: {
    readonly status: number;
    /** Absent where the answer is the engine's own. */
    readonly code?: Code;
    /** The channels that the problem names. */
    readonly channels?: readonly string[];
    readonly headers?: Readonly<Record<string, RegExp>>;
    /** Response headers that must not be there. */
    readonly without?: readonly string[];
  };
}

/** Frames on a WebSocket. */
export interface SocketRow extends Row {
  readonly kind: 'socket';
  /** Whether a good `connect` goes before; default true. */
  readonly connect?: boolean;
  /** Sent one after the other; the last one is answered with what is expected. Commands that should work come first. */
  readonly frames: readonly (string | Uint8Array)[];
  readonly expect: {
    /** Of the `error` event; absent where only the close counts. */
    readonly code?: Code;
    /** What its message must say. */
    readonly message?: RegExp;
    readonly channel?: string;
    /** The close code; absent: the link stays. */
    readonly close?: number;
  };
}

/** A user's token, presented to discovery as a bearer and to the node in `connect`. */
export interface TokenRow extends Row {
  readonly kind: 'token';
  /** Which keys the server has: an HMAC secret with issuer and audience, an RSA public key, or a JWKS URL. */
  readonly keys: 'secret' | 'rsa' | 'jwks';
  /** `lure` is a URL that nobody may fetch. */
  token(lure: string): string;
  /** Where it cannot be sent as a header, or is no frame. */
  readonly only?: 'discovery' | 'node';
  /** `undefined`: it is accepted. */
  readonly code: Code | undefined;
  /** What the problem's detail must say. */
  readonly detail?: RegExp;
}

/** Bytes on a TCP connection: before a handshake, or after a WebSocket has been opened and connected. */
export interface RawRow extends Row {
  readonly kind: 'raw';
  readonly open: boolean;
  /** Segments, sent `everyMs` apart; the last one is repeated while the server listens, where `repeat` says so. */
  readonly segments: readonly (string | Uint8Array)[];
  readonly everyMs?: number;
  readonly repeat?: boolean;
  /**
   * `refused`: no 2xx and no 101, and closed by the server within 15 s. `ignored`: whatever comes, the server survives and
   * lets go within 15 s of the peer's end. A list: the status of the answer.
   */
  readonly expect: 'refused' | 'ignored' | readonly number[];
}

export type BadInput = HttpRow | SocketRow | TokenRow | RawRow;

/** The answer as the docs say it. */
export function answerOf(input: BadInput): string {
  switch (input.kind) {
    case 'http': {
      const { status, code, headers = {} } = input.expect;
      const named = Object.keys(headers).map((name) => `\`${name}\``);
      return [`${status}${code === undefined ? '' : ` \`${code}\``}`, ...named].join(', ');
    }
    case 'socket': {
      const { code, close } = input.expect;
      const error = code === undefined ? '' : `\`${code}\``;
      if (close === undefined) return `\`error\` ${error}, the link stays`;
      return [error, `closed with ${close}`].filter((part) => part !== '').join(', ');
    }
    case 'token':
      if (input.code === undefined) return 'accepted';
      return `401 \`${input.code}\`; on a WebSocket closed with ${codeInfo(input.code).close}`;
    case 'raw':
      if (input.expect === 'refused') return 'refused and closed, nothing interpreted';
      return input.expect === 'ignored' ? 'ignored or closed' : input.expect.join(' or ');
  }
}
