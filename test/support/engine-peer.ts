// A peer made of bare TCP: it writes what no client library would, and keeps what comes back.

import { connect, type Socket } from 'node:net';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A request's text; `extra` are more header lines. */
export function requestText(method: string, url: string, extra: readonly string[] = [], body = ''): string {
  return [`${method} ${url} HTTP/1.1`, 'Host: localhost', ...extra, '', body].join('\r\n');
}

/** The text of a good WebSocket handshake; lines of `extra` are added, those of the same name as in `without` left out. */
export function upgradeText(extra: readonly string[] = [], without: readonly string[] = [], method = 'GET'): string {
  const lines = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
  ].filter((line) => !without.some((name) => line.startsWith(`${name}:`)));
  return requestText(method, '/ws', [...lines, ...extra]);
}

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export class Peer {
  readonly socket: Socket;
  /** Its port, once it has connected, also when it has gone. */
  ownPort: number;
  /** Resolves with all that came once the connection is gone, however it went. */
  readonly closed: Promise<string>;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.ownPort = socket.localPort ?? 0;
    socket.once('connect', () => {
      this.ownPort = socket.localPort ?? 0;
    });
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      socket.emit('more');
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.text)));
  }

  /** `stubborn` does not close when the server does. */
  static async connect(port: number, localAddress?: string, stubborn = false): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: stubborn });
    const peer = new Peer(socket);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return peer;
  }

  /** A peer whose handshake has been accepted. */
  static async upgraded(port: number, localAddress?: string, stubborn?: boolean): Promise<Peer> {
    const peer = await Peer.connect(port, localAddress, stubborn);
    peer.write(upgradeText());
    await peer.until((text) => text.includes('\r\n\r\n'));
    return peer;
  }

  get received(): Buffer {
    const all = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [all];
    return all;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  write(...segments: readonly (string | Uint8Array)[]): void {
    for (const segment of segments) this.socket.write(segment);
  }

  /** Resolves when what came fits; rejects when the connection goes before. */
  async until(fits: (text: string) => boolean): Promise<string> {
    while (!fits(this.text)) await this.#more();
    return this.text;
  }

  /** The same for much: looks only at the end. */
  async untilEnd(suffix: string): Promise<void> {
    const ended = () => {
      const last = Buffer.concat(this.#chunks.slice(-suffix.length)).subarray(-suffix.length);
      return last.toString('latin1') === suffix;
    };
    while (!ended()) await this.#more();
  }

  async untilBytes(count: number): Promise<void> {
    while (this.#bytes < count) await this.#more();
  }

  async #more(): Promise<void> {
    if (this.socket.destroyed || this.socket.readableEnded) throw new Error(`gone after: ${this.text.slice(0, 1_000)}`);
    const events = ['more', 'end', 'close'];
    await new Promise<void>((resolve) => {
      const go = () => {
        for (const event of events) this.socket.off(event, go);
        resolve();
      };
      for (const event of events) this.socket.on(event, go);
    });
  }

  /** The frames that came after the handshake; a last one that is not whole is left out. */
  frames(): readonly ServerFrame[] {
    const all = this.received;
    const frames: ServerFrame[] = [];
    let at = all.indexOf('\r\n\r\n') + 4;
    while (at + 2 <= all.length) {
      const short = (all[at + 1] ?? 0) & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > all.length) break;
      const length =
        short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
      if (start + length > all.length) break;
      frames.push({ opcode: (all[at] ?? 0) & 0x0f, payload: all.subarray(start, start + length) });
      at = start + length;
    }
    return frames;
  }

  /** Ends it without the polite goodbye. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Resolves once that many requests at once are served. */
export async function untilServed(port: number, count = 1): Promise<void> {
  for (;;) {
    const peers = await Promise.all(Array.from({ length: count }, () => Peer.connect(port)));
    const answers = peers.map((peer) => {
      peer.write(requestText('GET', '/'));
      return peer.until((text) => text.startsWith('HTTP/1.1 200')).catch(() => undefined);
    });
    const texts = await Promise.all(answers);
    for (const peer of peers) peer.socket.destroy();
    if (!texts.includes(undefined)) return;
  }
}
