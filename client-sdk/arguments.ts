// What callers hand in: looked at where it is handed in, and refused with its name, what it is and what was expected.

export const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

export const refuseArgument = (argument: string, why: unknown): never => {
  throw new TypeError(`bad ${argument}: ${why}`);
};

/** Shows of what is no primitive the kind alone. */
export const misuse = (argument: string, value: unknown, expected: unknown): never =>
  refuseArgument(
    argument,
    `${Object(value) === value ? typeof value : typeof value === 'string' ? JSON.stringify(value) : String(value)} is not ${expected}`,
  );

export type Rule = readonly [isGood: (value: unknown) => unknown, expected: unknown];

export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const aFunction: Rule = [isFunction, 'a function'];

export const isWithin = (least: number, most: number): Rule => [
  (value) => isWhole(value, least, most),
  `an integer from ${least} to ${most}`,
];

/** A text that looks like that. */
export const isText = (pattern: RegExp, expected: unknown = pattern): Rule => [
  (value) => typeof value === 'string' && pattern.test(value),
  expected,
];

export const hasFunctions =
  (...names: string[]) =>
  (value: unknown): boolean =>
    names.every((name) => isFunction((value as Record<string, unknown> | null)?.[name]));

export const aSignal: Rule = [(value) => isFunction((value as AbortSignal | null)?.addEventListener), 'an AbortSignal'];

export const check = (argument: string, value: unknown, [isGood, expected]: Rule): void => {
  if (!isGood(value)) misuse(argument, value, expected);
};

/** Looks at each option that is given, and puts it into `merged`; one that has no rule is misspelt. */
export const checkOptions = (
  options: object,
  rules: Readonly<Record<string, Rule>>,
  merged: Record<string, unknown> = {},
  expected = 'an object',
): void => {
  check('options', options, [(value) => value && typeof value === 'object', expected]);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    check(name, value, rules[name] ?? misuse('option', name, Object.keys(rules)));
    merged[name] = value;
  }
};
