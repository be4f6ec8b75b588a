// An issuer of tokens whose keys rotate, and whose endpoint for them comes and goes.

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keyJwt } from '../support/jwt.js';

interface SigningKey {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The newest and those whose tokens are still under way. */
const PUBLISHED = 3;
const TOKEN_LIFE_S = 3_600;

export class Issuer {
  isDown = false;
  requests = 0;
  readonly #keys: SigningKey[] = [];
  readonly #server: Server;
  #serial = 0;

  private constructor() {
    this.#server = createServer((_, response) => this.#answer(response));
  }

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.rotate();
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** A new key signs and is published, from now on. */
  rotate(): void {
    this.#keys.unshift({ kid: `key-${this.#keys.length}`, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
  }

  get newestKid(): string {
    return this.#keys[0]?.kid ?? '';
  }

  /** A token for `sub`, different from every other. */
  token(sub: string, kid = this.newestKid): string {
    const key = this.#keys.find((one) => one.kid === kid);
    if (key === undefined) throw new TypeError('there is no such key');
    return this.#signed(sub, kid, key.privateKey);
  }

  /** A token that names a key which there never was. */
  strangersToken(): string {
    this.#serial++;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return this.#signed('stranger', `made-up-${this.#serial}`, privateKey);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #signed(sub: string, kid: string, key: KeyObject): string {
    this.#serial++;
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { sub, iat, exp: iat + TOKEN_LIFE_S, jti: `t${this.#serial}`, fanfare: { subscribe: ['news'] } };
    return keyJwt(claims, { alg: 'ES256', kid }, key);
  }

  #answer(response: ServerResponse): void {
    this.requests++;
    if (!this.isDown) {
      const keys = this.#keys.slice(0, PUBLISHED).map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        use: 'sig',
      }));
      response.end(JSON.stringify({ keys }));
    } else if (this.requests % 2 === 0) response.writeHead(503).end();
    else response.socket?.resetAndDestroy();
  }
}
