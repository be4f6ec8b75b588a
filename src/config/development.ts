// The secret that everybody can read, and the one configuration of `start` that uses it: none at all, on this machine.

import type { NamespaceOptions } from './namespaces.js';
import type { OptionKey } from './schema.js';

/**
 * It is good for one machine that only its owner reaches, where `fanfare token` in another terminal can then sign
 * without being told anything. See {@link isFirstTry} for when it is used; configured by hand it is refused everywhere.
 */
export const DEVELOPMENT_SECRET = 'fanfare-development-secret-never-use-it-in-production';

/**
 * What nobody writes down for a first try. Once one of these is set, even to its default, other people may be meant to
 * come, through a proxy on this machine for instance. Port, log level, engine, names and limits do not count.
 */
export const BEYOND_FIRST_TRY: readonly OptionKey[] = [
  ...(['authSecret', 'authPublicKey', 'authJwksUrl', 'clusterSecret', 'adminKey', 'publishKey'] as const),
  ...(['origins', 'insecureAnyOrigin', 'nodeUrl', 'redisUrl', 'trustedProxies', 'namespaces'] as const),
  ...(['channelsUrl', 'tlsCert', 'tlsKey'] as const),
];

/** Whether `start` may use {@link DEVELOPMENT_SECRET}: on loopback, with nothing configured that counts. */
export function isFirstTry(host: string, isDefault: (option: OptionKey) => boolean): boolean {
  return isLoopback(host) && BEYOND_FIRST_TRY.every(isDefault);
}

const OPEN = { public: true, anonymous: true, clientPublish: true } as const;

/** What `start` opens to everybody where it made the secret of users' tokens itself: the demo page needs somewhere to go. */
export const OPEN_NAMESPACES: Readonly<Record<string, Partial<NamespaceOptions>>> = { public: OPEN, demo: OPEN };

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether `host` means every address of the machine, so that no client can be told to connect to it. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
