// The flags of the commands that are clients of a server, and the SDK client that they make.

import { type Command, Option } from 'commander';
import type { Client } from '../../client-sdk/node.js';
import { createClient } from '../../client-sdk/node.js';
import type { Grants } from '../auth/identity.js';
import { signToken } from '../auth/token-signer.js';
import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import { isLoopback } from '../config/development.js';
import { channelNameProblem, PATHS, TRANSPORTS, type Transport } from '../protocol/index.js';
import { type Told, toldBy } from './answer-text.js';
import { ClientEnded, tokenAdvice } from './client-ended.js';
import { DEFAULT_URL, serverUrl } from './server-url.js';
import { signingTerms } from './signing-terms.js';
import { unreachable } from './why-not.js';

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

export interface CommandClient {
  readonly client: Client;
  /** Rejects when the client cannot connect at first, or is refused for good at any time. Never resolves. */
  readonly ended: Promise<never>;
}

/** A client on these terms. */
export function clientFor({ url, token }: ClientTerms, { transport }: ClientFlags): CommandClient {
  const transports = transport === undefined ? undefined : [transport];
  /** Of what was asked last. */
  let whyAway: Told | undefined;
  const client = createClient({
    url,
    ...(token !== undefined && { token }),
    ...(transports !== undefined && { transports }),
    fetch: async (asked, init) => {
      try {
        const response = await fetch(asked, init);
        whyAway = await refusalIn(asked, response);
        return response;
      } catch (error) {
        // The SDK says only that it was the network, as browsers do.
        whyAway = { code: 'network', message: unreachable(String(asked), error) };
        throw error;
      }
    },
  });
  return { client, ended: untilEnded(client, () => whyAway) };
}

/** For these channels. Throws `ConfigError` for what was typed wrong. */
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
  const url = serverUrl(flags.url, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const token = flags.token ?? (process.env.FANFARE_TOKEN || (await ownToken(url, channels, right)));
  return { url, token };
}

/** Signed with the configured secret, or with that of a development server on this machine; else the client is anonymous. */
async function ownToken(url: string, channels: readonly string[], right: keyof Grants): Promise<string | undefined> {
  const problems: ConfigProblem[] = [];
  const terms = signingTerms({}, process.env, problems);
  const wrong = problems.filter(({ option, source }) => option.startsWith('auth') && source !== 'not set');
  if (wrong.length > 0) throw new ConfigError(wrong);
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (terms === undefined || (terms.development && !isLoopback(host))) return undefined;
  return signToken({ ...terms, subject: 'cli', grants: { [right]: channels }, lifetimeMs: TOKEN_LIFE_MS });
}

/** What a refusal means for whoever came without a token; any other error as it is. */
export function explained(error: unknown, { token }: ClientTerms): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (token !== undefined || !code.startsWith('forbidden')) return error;
  return new ClientEnded(code, "not without a token: give it --token, or the server's FANFARE_AUTH_SECRET to sign one");
}

/** What an answer says that lets nobody in; `undefined` for one that does, or is to another question. */
async function refusalIn(url: string, response: Response): Promise<Told | undefined> {
  if (new URL(url).pathname !== PATHS.connect) return undefined;
  const { ok, status, headers } = response;
  if (ok && headers.get('content-type')?.includes('json')) return undefined;
  return toldBy(url, status, await response.clone().text(), 'discovery');
}

function untilEnded(client: Client, whyAway: () => Told | undefined): Promise<never> {
  let wasConnected = false;
  return new Promise((_, reject) => {
    client.on('state', (state) => {
      if (state.type === 'connected') wasConnected = true;
      if (state.type === 'closed' && state.code !== 1000) {
        reject(new ClientEnded(state.reason, tokenAdvice(state.reason) ?? `the server refused (${state.code})`));
      }
      if (state.type === 'waiting' && !wasConnected) {
        const away = 'the server cannot be reached or cannot take the client now';
        const told = tokenAdvice(state.cause) === undefined ? whyAway() : undefined;
        reject(new ClientEnded(told?.code ?? state.cause, told?.message ?? tokenAdvice(state.cause) ?? away));
      }
    });
  });
}
