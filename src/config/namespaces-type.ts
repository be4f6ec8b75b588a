// Reads the namespaces: a map of options per namespace, as JSON in a flag or variable or as YAML.

import { z } from 'zod';
import { channelNameProblem } from '../protocol/index.js';
import { jsonMapType } from './json-map-type.js';
import { namespaceLimits } from './limits-type.js';
import type { NamespaceOptions } from './namespaces.js';
import { boolean, choice, duration, text, wholeNumber } from './value-types.js';

export type ConfiguredNamespaces = Readonly<Record<string, Partial<NamespaceOptions>>>;

const fields = {
  historySize: wholeNumber(1, 10_000),
  historyTtl: duration('1s', '720h'),
  public: boolean(),
  anonymous: boolean(),
  presence: boolean(),
  clientPublish: boolean(),
  live: boolean(),
  cacheMaxAge: duration('0s', '1h'),
  slowConsumer: choice('disconnect', 'conflate'),
  conflate: choice('newest'),
  conflateBy: text('1 to 64 characters', (value) => value.length > 0 && value.length <= 64),
  limits: namespaceLimits(),
} as const;

/** The names that a namespace's options have in the configuration. */
export const NAMESPACE_KEYS: readonly string[] = Object.keys(fields);

const oneNamespace = z.strictObject(fields).partial();
type Written = z.output<typeof oneNamespace>;

function converted({ historyTtl, cacheMaxAge, ...rest }: Written): Partial<NamespaceOptions> {
  const options = {
    ...rest,
    ...(historyTtl !== undefined && { historyTtlMs: historyTtl }),
    ...(cacheMaxAge !== undefined && { cacheMaxAgeMs: cacheMaxAge }),
  };
  // An option that was not written must not hide the one of `default` in a merge.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The other way round: as it may be written. */
export function writtenNamespace(options: Partial<NamespaceOptions>): Readonly<Record<string, unknown>> {
  const { historyTtlMs, cacheMaxAgeMs, ...rest } = options;
  return {
    ...rest,
    ...(historyTtlMs !== undefined && { historyTtl: `${historyTtlMs}ms` }),
    ...(cacheMaxAgeMs !== undefined && { cacheMaxAge: `${cacheMaxAgeMs}ms` }),
  };
}

/** A namespace is what stands before a channel's first colon. */
const namespaceName = z.string().superRefine((name, context) => {
  if (!name.includes(':') && channelNameProblem(`${name}:x`) === undefined) return;
  context.addIssue({ code: 'custom', message: 'a name of A-Z a-z 0-9 _ . @ = + ~ - only', input: name });
});

const written = z.record(namespaceName, oneNamespace);

/** A map, or a text that is a map in JSON. */
export const namespacesType = () =>
  jsonMapType('{"default":{"historySize":100}}')
    .pipe(written)
    .transform(
      (namespaces): ConfiguredNamespaces =>
        Object.fromEntries(Object.entries(namespaces).map(([name, options]) => [name, converted(options)])),
    );
