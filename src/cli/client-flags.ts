// The flags of the commands that are clients of a server, and the SDK client that they make.

import { type Command, Option } from 'commander';
import type { Client } from '../../client-sdk/node.js';
import { createClient } from '../../client-sdk/node.js';
import type { Grants } from '../auth/identity.js';
import { signToken } from '../auth/token-signer.js';
import { ConfigError, type ConfigProblem, shown } from '../config/config-problem.js';
import { isLoopback } from '../config/development.js';
import { isUrl } from '../config/value-types.js';
import { channelNameProblem, TRANSPORTS, type Transport } from '../protocol/index.js';
import { signingTerms } from './signing-terms.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';
const TOKEN_LIFE_MS = 3_600_000;

export interface ClientFlags {
  readonly url?: string;
  readonly token?: string;
  readonly transport?: Transport;
}

/** Adds `--url`, `--token` and `--transport`. */
export function addClientFlags(command: Command): Command {
  return command
    .option('--url <url>', `the server (FANFARE_URL; default: ${DEFAULT_URL})`)
    .option('--token <token>', "the user's token (FANFARE_TOKEN; default: one signed as by `fanfare token`)")
    .addOption(new Option('--transport <transport>', 'only this transport').choices(TRANSPORTS));
}

/** Where the server is, and as whom to ask. */
export interface ClientTerms {
  readonly url: string;
  /** `undefined` for an anonymous client. */
  readonly token: string | undefined;
}

/** A client for these channels. Throws `ConfigError` for what was typed wrong. */
export async function clientFor(flags: ClientFlags, channels: readonly string[], right: keyof Grants): Promise<Client> {
  const { url, token } = await clientTerms(flags, channels, right);
  const transports = flags.transport === undefined ? undefined : [flags.transport];
  return createClient({
    url,
    ...(token !== undefined && { token }),
    ...(transports !== undefined && { transports }),
  });
}

/** The same without a client. */
export async function clientTerms(
  flags: ClientFlags,
  channels: readonly string[],
  right: keyof Grants,
): Promise<ClientTerms> {
  const problems: ConfigProblem[] = [];
  for (const channel of channels) {
    const message = channelNameProblem(channel);
    if (message !== undefined) problems.push({ option: 'channel', source: 'argument', message });
  }
  const url = flags.url ?? process.env.FANFARE_URL ?? DEFAULT_URL;
  if (!isUrl(url, ['http:', 'https:'])) {
    const source = flags.url === undefined ? 'env FANFARE_URL' : 'flag --url';
    problems.push({ option: 'url', source, message: `got ${shown(url)}, expected an http:// or https:// URL` });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const token = flags.token ?? process.env.FANFARE_TOKEN ?? (await ownToken(url, channels, right));
  return { url: url.replace(/\/+$/, ''), token };
}

/** Signed with the configured secret, or with that of a development server on this machine; else the client is anonymous. */
async function ownToken(url: string, channels: readonly string[], right: keyof Grants): Promise<string | undefined> {
  const terms = signingTerms({}, process.env, []);
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (terms === undefined || (!process.env.FANFARE_AUTH_SECRET && !isLoopback(host))) return undefined;
  return signToken({ ...terms, subject: 'cli', grants: { [right]: channels }, lifetimeMs: TOKEN_LIFE_MS });
}

/** What ended or hindered a client before it was connected. */
export class ClientEnded extends Error {
  override readonly name = 'ClientEnded';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Rejects when the client cannot connect at first, or is refused for good at any time. Never resolves. */
export function untilEnded(client: Client): Promise<never> {
  let wasConnected = false;
  return new Promise((_, reject) => {
    client.on('state', (state) => {
      if (state.type === 'connected') wasConnected = true;
      if (state.type === 'closed' && state.code !== 1000) {
        reject(new ClientEnded(state.reason, `the server refused (${state.code})`));
      }
      if (state.type === 'waiting' && !wasConnected) {
        reject(new ClientEnded(state.cause, 'the server cannot be reached or cannot take the client now'));
      }
    });
  });
}
