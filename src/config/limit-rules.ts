// What must hold of limits: one place for each, a rate, and room for what is to pass.

import type { Findings, Given } from './findings.js';
import {
  type LimitName,
  type LimitSetting,
  limitSetting,
  limitSettings,
  type NamespaceLimitName,
  type RateName,
  SHORT_FORMS,
  type ShortForms,
  type WrittenLimit,
} from './limits.js';
import { envName } from './option-info.js';

/** Options whose default is taken where their own value is wrong: that is told of already. */
const FALLBACK: ShortForms = {
  commandsPerSecond: 20,
  commandBurst: 40,
  pollsPerSecond: 20,
  pollBurst: 40,
  linksPerUser: 100,
  connectsPerUser: 10,
  connectsPerIp: 0,
};

export function namedLimitRules(given: Given, found: Findings): void {
  const { limits = {} } = given;
  for (const name of Object.keys(limits) as LimitName[]) {
    if (limits[name] !== undefined) oneFormOnly(name, found);
  }
  const settings = limitSettings(limits, { ...FALLBACK, ...defined(given) });
  for (const name of Object.keys(settings) as RateName[]) {
    const written = limits[name];
    if (written !== undefined && written !== false && settings[name] === undefined)
      found.problem('limits', `${name} has no rate, expected one such as "rate": "20/s": it is off by default`);
    else if (settings[name] !== undefined) passable(name, settings[name], given, found);
  }
  for (const [namespace, options] of Object.entries(given.namespaces ?? {})) {
    for (const [name, written] of Object.entries(options.limits ?? {}))
      ownLimit(namespace, name as NamespaceLimitName, written, found);
  }
}

function defined(given: Given): Partial<ShortForms> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function oneFormOnly(name: LimitName, found: Findings): void {
  const forms = name in SHORT_FORMS ? SHORT_FORMS[name as keyof typeof SHORT_FORMS] : [];
  for (const form of forms) {
    if (found.isDefault(form)) continue;
    const message = `${name} is also set by ${form} (${found.context.sourceOf(form)}): keep one of them`;
    found.problem('limits', message);
  }
}

/** Units that one request may cost; only what can ever pass is let into the start. */
function costOf(name: RateName, channels: number): readonly [cost: number, what: string] {
  if (name === 'commands' || name === 'polls') return [channels / 10, `what names ${channels} channels`];
  if (name === 'openings') return [channels, `what opens ${channels} channels`];
  return [1, 'one'];
}

function passable(name: RateName, { burst }: LimitSetting, given: Given, found: Findings): void {
  const { channelsPerConnection } = given;
  const { role } = found.context;
  if (role === 'discovery' || channelsPerConnection === undefined) return;
  const [cost, what] = costOf(name, channelsPerConnection);
  if (burst >= cost) return;
  const source = ` (${found.context.sourceOf('channelsPerConnection')})`;
  const expected = `expected at least ${Math.ceil(cost)}: ${what}${source} costs ${cost} at once`;
  const form = name === 'commands' ? 'commandBurst' : 'pollBurst';
  if (given.limits?.[name] === undefined) found.problem(form, `got ${burst}, ${expected}`);
  else found.problem('limits', `${name}: got ${burst} units at once, ${expected}`);
}

function ownLimit(
  namespace: string,
  name: NamespaceLimitName,
  written: WrittenLimit | false | undefined,
  found: Findings,
): void {
  if (!written || limitSetting(name, written, undefined) !== undefined) return;
  const where = `in "${namespace}", where a limit stands for itself: set one in ${envName('namespaces')}`;
  found.problem('namespaces', `limits.${name} has no rate ${where}, such as "rate": "20/s"`);
}
