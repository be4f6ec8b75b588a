// What is known of each option beside its values: who has it, its default, what it is for.

import { z } from 'zod';

export const ROLES = ['start', 'node', 'discovery'] as const;
/** Which process is configured: all in one, a push node, or discovery. */
export type Role = (typeof ROLES)[number];

export interface OptionInfo {
  /** One line for `--help` and the docs. */
  readonly about: string;
  readonly roles: readonly Role[];
  /** As people write it; `undefined` for none. Where a role differs, its own stands in `defaultFor`. */
  readonly default?: string;
  readonly defaultFor?: { readonly [role in Role]?: string };
  /** What the docs say instead of a plain default. */
  readonly defaultText?: string;
  /** The value is a number of milliseconds. */
  readonly duration?: true;
  /** Its text is never shown. */
  readonly secret?: true;
  /** It can be read from a file that a `_FILE` variable names. */
  readonly fromFile?: true;
}

/** Where the schema keeps what is known of its options. */
export const optionInfo = z.registry<OptionInfo>();

export const NODES: readonly Role[] = ['start', 'node'];
export const FRONT: readonly Role[] = ['start', 'discovery'];

/** An option of the schema, and what is known of it. */
export function option<T extends z.ZodType>(type: T, info: OptionInfo): T {
  optionInfo.add(type, info);
  return type;
}

/** `maxConnections` as a flag: `--max-connections`. */
export function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxConnections` as an environment variable: `FANFARE_MAX_CONNECTIONS`. */
export function envName(key: string): string {
  return `FANFARE_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The default of an option in a role, as people write it. */
export function defaultOf(info: OptionInfo, role: Role): string | undefined {
  return info.defaultFor?.[role] ?? info.default;
}
