// One revocation: what it says, of whose tokens it holds, and how it is written down.

/**
 * `token`: the one with this `jti`. `logout`: a user's of before a second. `ban`: all of a user. `before`: everybody's of before a
 * second. `disconnect`: ends a user's links, and no token.
 */
export const REVOCATION_KINDS = ['token', 'logout', 'ban', 'before', 'disconnect'] as const;
export type RevocationKind = (typeof REVOCATION_KINDS)[number];

/** What somebody asks for. */
export interface RevocationOrder {
  readonly kind: RevocationKind;
  /** A token's `jti`, or a user's `sub`; empty of `before`. */
  readonly name: string;
  /** Of `before`, Unix seconds. */
  readonly issuedBefore?: number;
  readonly reason?: string;
  readonly lifeMs: number;
}

export interface Revocation {
  readonly id: string;
  readonly kind: RevocationKind;
  readonly name: string;
  /** Unix seconds, of `logout` and `before`; else 0. */
  readonly issuedBefore: number;
  /** Empty: none was given. */
  readonly reason: string;
  /** Unix milliseconds by the clock of where the list is kept, as all its times. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** 0 while it is in force. A withdrawn one is kept, so that nobody who missed that brings it back. */
  readonly withdrawnAtMs: number;
}

/** Who holds a token, as far as revocations look at it. */
export interface TokenHolder {
  /** `null` where there is no token that could be revoked. */
  readonly user: string | null;
  readonly tokenId: string | undefined;
  /** Unix milliseconds; 0 where nobody knows. */
  readonly issuedAtMs: number;
}

/** Whether it ends this holder's token, strictly: who logs in again in the second of a log-out stays. */
export function revokes(revocation: Revocation, holder: TokenHolder): boolean {
  if (holder.user === null || revocation.withdrawnAtMs > 0) return false;
  switch (revocation.kind) {
    case 'token':
      return revocation.name === holder.tokenId;
    case 'ban':
      return revocation.name === holder.user;
    case 'logout':
      return revocation.name === holder.user && holder.issuedAtMs < revocation.issuedBefore * 1000;
    case 'before':
      return holder.issuedAtMs < revocation.issuedBefore * 1000;
    case 'disconnect':
      return false;
  }
}

/** When it was made or withdrawn. */
export function changedAtMs({ createdAtMs, withdrawnAtMs }: Revocation): number {
  return Math.max(createdAtMs, withdrawnAtMs);
}

/** A name that revocations are looked up by: a user's and a token's are told apart. */
export type RevokedName = `u${string}` | `t${string}`;

/** `undefined` where it holds for everybody, or for no token. */
export function nameOf({ kind, name }: Pick<Revocation, 'kind' | 'name'>): RevokedName | undefined {
  if (kind === 'token') return `t${name}`;
  return kind === 'logout' || kind === 'ban' ? `u${name}` : undefined;
}

/** Of those that are in force, one that a newer one makes needless. */
export function isImplied(old: Revocation, by: Revocation): boolean {
  if (old.name !== by.name || old.expiresAtMs > by.expiresAtMs || by.withdrawnAtMs > 0) return false;
  if (old.kind === by.kind) return old.issuedBefore <= by.issuedBefore;
  return old.kind === 'logout' && by.kind === 'ban';
}

/** Chosen: more than a name of 255 bytes and a reason of 255 ever take. */
export const MAX_REVOCATION_BYTES = 4_096;
const VERSION = 1;
const MAX_ID_LENGTH = 64;
const MAX_TIME_MS = 1e15;

/** Of functions in Redis too: the names are short because there may be a million. */
export function encodeRevocation(revocation: Revocation): string {
  const { id, kind, name, issuedBefore, reason, createdAtMs, expiresAtMs, withdrawnAtMs } = revocation;
  const times = { b: issuedBefore, at: createdAtMs, until: expiresAtMs, gone: withdrawnAtMs };
  return JSON.stringify({ v: VERSION, id, k: kind, n: name, ...times, r: reason });
}

/** `undefined` for what is none: whoever may write in Redis may have written it. */
export function decodeRevocation(text: string): Revocation | undefined {
  if (text.length > MAX_REVOCATION_BYTES) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // What is no JSON is no revocation.
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const field = (name: string): unknown => (Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined);
  const [id, name, reason] = [field('id'), field('n'), field('r')];
  const [issuedBefore, createdAtMs, expiresAtMs] = [field('b'), field('at'), field('until')];
  const withdrawnAtMs = field('gone');
  const kind = REVOCATION_KINDS.find((one) => one === field('k'));
  if (field('v') !== VERSION || kind === undefined) return undefined;
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH) return undefined;
  if (typeof name !== 'string' || typeof reason !== 'string') return undefined;
  if (!isTime(issuedBefore) || !isTime(createdAtMs) || !isTime(expiresAtMs) || !isTime(withdrawnAtMs)) return undefined;
  return { id, kind, name, issuedBefore, reason, createdAtMs, expiresAtMs, withdrawnAtMs };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS;
}
