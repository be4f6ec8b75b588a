// The secret that `start` uses when none is configured, so that a first try needs no configuration.

import { randomBytes } from 'node:crypto';

/**
 * Everybody can read it here: it is good for one machine that only its owner reaches, where `fanfare token` in another
 * terminal can then sign without being told anything.
 */
export const DEVELOPMENT_SECRET = 'fanfare-development-secret-never-use-it-in-production';

/** The built-in secret on loopback; elsewhere one that only this process knows. */
export function developmentSecret(host: string): string {
  return isLoopback(host) ? DEVELOPMENT_SECRET : randomBytes(32).toString('base64url');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether `host` means every address of the machine, so that no client can be told to connect to it. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
