// Every secret and key of a cluster but those that are fetched, old and new: what processes are told, what backends and issuers use.

import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { hmacJwt, keyJwt } from '../support/jwt.js';

/** How far a rotation has come: first all learn the new one, then all sign with it, then the old one goes. */
export const STAGES = ['old', 'old,new', 'new,old', 'new'] as const;
export type Stage = (typeof STAGES)[number];
type Age = 'old' | 'new';

/** The options that are lists, and the password of Redis, of which a user has two for a while. */
const LISTS = ['AUTH_SECRET', 'CLUSTER_SECRET', 'ADMIN_KEY', 'PUBLISH_KEY'] as const;
type Name = (typeof LISTS)[number] | 'REDIS_PASSWORD';

const TOKEN_LIFE_S = 3_600;

export class Secrets {
  readonly #texts = new Map<string, string>();
  readonly #pairs: Readonly<Record<Age, { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>> = {
    old: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    new: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  };

  of(name: Name, age: Age): string {
    const known = this.#texts.get(`${name} ${age}`) ?? randomBytes(36).toString('base64url');
    this.#texts.set(`${name} ${age}`, known);
    return known;
  }

  /** What a process is told at that stage. */
  env(stage: Stage): Readonly<Record<string, string>> {
    const ages = agesOf(stage);
    const lists = LISTS.map((name) => [`FANFARE_${name}`, ages.map((age) => this.of(name, age)).join(',')]);
    const pems = ages.map((age) => this.#pairs[age].publicKey.export({ type: 'spki', format: 'pem' }).toString());
    return { ...Object.fromEntries(lists), FANFARE_AUTH_PUBLIC_KEY: pems.join('') };
  }

  /** A token as an issuer makes it: every other user's with a private key. */
  token(user: number, age: Age): string {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { sub: `user-${user}`, iat, exp: iat + TOKEN_LIFE_S, fanfare: { subscribe: ['room:*'] } };
    if (user % 2 === 0) return hmacJwt(claims, { alg: 'HS256' }, this.of('AUTH_SECRET', age));
    return keyJwt(claims, { alg: 'ES256' }, this.#pairs[age].privateKey);
  }

  /** Users of Redis have the passwords of that stage. Links that stand stay. */
  async allow(admin: Redis, users: readonly string[], stage: Stage): Promise<void> {
    const passwords = agesOf(stage).map((age) => `>${this.of('REDIS_PASSWORD', age)}`);
    for (const user of users) await admin.call('ACL', 'SETUSER', user, 'resetpass', ...passwords);
  }
}

/** Those that are good at a stage; the first signs. */
export function agesOf(stage: Stage): readonly Age[] {
  return stage.split(',') as Age[];
}
