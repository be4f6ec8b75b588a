// Puts together TLS in the server itself, from the configuration.

import { ConfigError, type ConfigProblem } from '../config/config-problem.js';
import type { LoadedConfig } from '../config/load-config.js';
import { tlsMistake, tlsPairOf } from '../config/tls-rules.js';
import { TlsWatch } from '../http/tls-watch.js';
import { type Logger, silentLogger } from '../lib/logger.js';
import { loadEngine } from '../node/engines/load-engine.js';

/** `undefined` where the configuration names no certificate. Nothing runs before its `start`. Rejects with `ConfigError`. */
export async function composeTls(loaded: LoadedConfig, logger: Logger): Promise<TlsWatch | undefined> {
  const problems = await engineTlsProblems(loaded);
  if (problems.length > 0) throw new ConfigError(problems);
  const pair = tlsPairOf(loaded.config);
  return pair && new TlsWatch({ pair, logger });
}

/** What only the engine knows: the libraries that they speak TLS with do not know the same kinds of keys. */
export async function engineTlsProblems({ role, config, sources }: LoadedConfig): Promise<readonly ConfigProblem[]> {
  const pair = tlsPairOf(config);
  if (pair === undefined || role === 'discovery') return [];
  const problem = (await loadEngine(config.engine, silentLogger)).tlsProblem?.(pair);
  if (problem === undefined) return [];
  const { option, message } = tlsMistake(problem, config);
  return [{ option, source: sources.get(option) ?? 'default', message }];
}
