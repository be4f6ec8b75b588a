// Shows the configuration to people: the effective values with their sources, and the docs' table of options.

import { discoverySockets } from './file-limit.js';
import {
  boundOf,
  hasBurst,
  isSharedBound,
  LIMIT_ROLES,
  type LimitRate,
  type LimitSetting,
  limitSettings,
  linksBy,
  RATE_NAMES,
  rateText,
  usualHandshakes,
} from './limits.js';
import type { LoadedConfig } from './load-config.js';
import { maskedUrl } from './masked-url.js';
import { type ConfiguredNamespaces, writtenNamespace } from './namespaces-type.js';
import { defaultOf, envName, flagName, ROLES } from './option-info.js';
import { infoOf, OPTION_KEYS, type OptionKey } from './schema.js';

/** Shown without the password that they may carry. */
const URLS: ReadonlySet<OptionKey> = new Set(['redisUrl', 'authJwksUrl']);

/** One line per option of the role: its value as YAML, and where it came from. Secrets are masked. */
export function effectiveConfig(loaded: LoadedConfig): string {
  const keys = OPTION_KEYS.filter((key) => infoOf(key).roles.includes(loaded.role));
  const effective = (key: OptionKey) => {
    if (key === 'namespaces') return writtenNamespaces(loaded.config.namespaces);
    return key === 'limits' ? shownLimits(loaded) : loaded.config[key];
  };
  const lines = keys.map((key) => [`${key}: ${valueText(key, effective(key))}`, loaded.sources.get(key) ?? '']);
  const width = Math.min(48, Math.max(...lines.map(([value = '']) => value.length)));
  return lines.map(([value = '', source]) => `${value.padEnd(width)}  # ${source}`).join('\n');
}

function valueText(key: OptionKey, value: unknown): string {
  if (value === undefined) return 'null';
  if (infoOf(key).duration === true) return `${value}ms`;
  if (key === 'namespaces' || key === 'limits') return JSON.stringify(value, asWritten);
  if (typeof value === 'string' && URLS.has(key)) return JSON.stringify(maskedUrl(value));
  return infoOf(key).secret === true ? '(hidden)' : JSON.stringify(value);
}

/** As they hold, whether they were written here, as short forms or not at all. */
function shownLimits({ config, role }: LoadedConfig): Readonly<Record<string, unknown>> {
  const settings = limitSettings(config.limits, config);
  const names = RATE_NAMES.filter((name) => LIMIT_ROLES[name].includes(role));
  const shown = Object.fromEntries(names.map((name) => [name, shownLimit(settings[name])]));
  const maxConnections = role === 'discovery' ? discoverySockets() : config.maxConnections;
  const { limits, linksPerUser, handshakesPerIp = usualHandshakes(maxConnections) } = config;
  const handshakes = maxOf(boundOf(limits.handshakes, handshakesPerIp));
  if (role === 'discovery') return { ...shown, handshakes };
  const links = maxOf(boundOf(limits.links, linksPerUser));
  const shared = isSharedBound(limits.links);
  return { ...shown, handshakes, links: links && { ...links, by: linksBy(limits.links), ...(shared && { shared }) } };
}

function shownLimit(setting: LimitSetting | undefined): unknown {
  if (setting === undefined) return false;
  const { algorithm, rate, burst, by, countRefused, shared } = setting;
  const counted = algorithm === 'sliding-window-log' ? { countRefused } : {};
  return { algorithm, rate, ...(hasBurst(algorithm) && { burst }), ...counted, by, ...(shared && { shared }) };
}

function maxOf(max: number): { readonly max: number } | false {
  return max === 0 ? false : { max };
}

function writtenNamespaces(namespaces: ConfiguredNamespaces): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(namespaces).map(([name, options]) => [name, writtenNamespace(options)]));
}

/** A rate is written otherwise than it is kept. */
function asWritten(_name: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'perMs' in value ? rateText(value as LimitRate) : value;
}

/** A Markdown table of every option; docs/OPERATIONS.md holds its output. */
export function optionTable(): string {
  const rows = OPTION_KEYS.map((key) => {
    const info = infoOf(key);
    const roles = info.roles.length === ROLES.length ? 'all' : info.roles.join(', ');
    const file = info.fromFile === true ? ' (`_FILE`)' : '';
    const cells = [
      `\`${envName(key)}\`${file}`,
      `\`${flagName(key)}\``,
      `\`${key}\``,
      roles,
      defaultText(key),
      info.about,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| variable | flag | file | roles | default | |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

/** The default for `--help` and the docs. */
export function defaultText(key: OptionKey): string {
  const info = infoOf(key);
  if (info.defaultText !== undefined) return info.defaultText;
  const own = ROLES.filter((role) => info.defaultFor?.[role] !== undefined);
  const general = info.default === undefined ? 'none' : `\`${info.default}\``;
  return [general, ...own.map((role) => `\`${defaultOf(info, role)}\` in \`${role}\``)].join('; ');
}
