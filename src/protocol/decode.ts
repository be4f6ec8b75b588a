// What decoders share: their result, and reading single fields of an unknown value.

import { channelNameProblem } from './channel-name.js';
import type { Code } from './codes.js';
import { LIMITS } from './limits.js';
import { FEATURES, type Feature } from './names.js';
import { type After, type Begin, isAfter, NOW } from './offset.js';

/** Why something could not be decoded. */
export interface DecodeProblem {
  readonly code: Code;
  /** Names the field, what was expected and what came; never the whole input. */
  readonly message: string;
  /** The command's id, when it could be read. */
  readonly id?: number;
  readonly channel?: string;
}

/** A decoder's answer. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: DecodeProblem };

export type UnknownRecord = { readonly [key: string]: unknown };

/** Thrown inside decoders only; {@link decoding} turns it into an answer. */
class Refused extends Error {
  readonly problem: DecodeProblem;
  constructor(problem: DecodeProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Refuses with a code; for use inside {@link decoding}. */
export function refuse(code: Code, message: string, more: { id?: number; channel?: string } = {}): never {
  throw new Refused({ code, message, ...more });
}

/** For who decodes one of many, to throw in a `catch`: the refusal with the place of that one, and with its channel where it has one. */
export function placed(error: unknown, place: string, channel?: unknown): unknown {
  if (!(error instanceof Refused)) return error;
  const { code, message } = error.problem;
  const named = channelNameProblem(channel) === undefined ? { channel: channel as string } : {};
  return new Refused({ code, message: `${place}: ${message}`, ...named });
}

/** Runs `decode` and turns a refusal into an answer that carries `id`. */
export function decoding<T>(decode: () => T, id?: number): Decoded<T> {
  try {
    return { ok: true, value: decode() };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, problem: id === undefined ? error.problem : { ...error.problem, id } };
  }
}

/** A short picture of a value for an error message: its JSON when it is small, else its type. */
export function picture(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `a ${typeof value} of ${String(value).length} characters`;
}

/** `value` as a JSON object; refuses anything else. */
export function asRecord(value: unknown): UnknownRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('not_an_object', `expected a JSON object, got ${picture(value)}`);
  }
  return value as UnknownRecord;
}

/** A field of its own, never one inherited from a prototype. */
export function field(record: UnknownRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A string field of 1..`max` characters, or `undefined` when it is absent. */
export function optionalString(
  record: UnknownRecord,
  name: string,
  max: number,
  code: Code = 'bad_field',
): string | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > max) {
    refuse(code, `"${name}": expected a string of 1 to ${max} characters, got ${picture(value)}`);
  }
  return value;
}

/** A list of strings, or `undefined` when it is absent. Refuses with the first item that is none. */
export function optionalStrings(record: UnknownRecord, name: string, maxCount: number): readonly string[] | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > maxCount) {
    refuse('bad_field', `"${name}": expected an array of at most ${maxCount} strings, got ${picture(value)}`);
  }
  const wrong = value.findIndex((item) => typeof item !== 'string');
  if (wrong !== -1) refuse('bad_field', `${name}[${wrong}]: expected a string, got ${picture(value[wrong])}`);
  return value;
}

/** A good channel name; refuses with the rule that it breaks. */
export function channelName(value: unknown): string {
  const problem = channelNameProblem(value);
  if (problem !== undefined) refuse('bad_channel_name', `${problem}, got ${picture(value)}`);
  return value as string;
}

/** The good channel names of a list that is called `channels`; refuses with the place of the first that is none. */
export function channelNames(list: readonly unknown[]): readonly string[] {
  return list.map((value, index) => {
    try {
      return channelName(value);
    } catch (error) {
      throw placed(error, `channels[${index}]`);
    }
  });
}

const NO_FEATURES: readonly Feature[] = [];

/** The names in `features` that are known here; others are ignored. */
export function featureList(record: UnknownRecord): readonly Feature[] {
  const wanted = optionalStrings(record, 'features', 32);
  return wanted === undefined ? NO_FEATURES : FEATURES.filter((feature) => wanted.includes(feature));
}

/** A field with a whole number from `min` to `max`, or `undefined` when it is absent. */
export function optionalInteger(record: UnknownRecord, name: string, min: number, max: number): number | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    refuse('bad_field', `"${name}": expected an integer from ${min} to ${max}, got ${picture(value)}`);
  }
  return value;
}

/** What `quiet` and a stream may ask for. */
export function optionalHeartbeat(record: UnknownRecord): number | undefined {
  return optionalInteger(record, 'heartbeatMs', LIMITS.minHeartbeatMs, LIMITS.maxHeartbeatMs);
}

/** A client's secret, or `undefined` when it names none. */
export function optionalSession(record: UnknownRecord): string | undefined {
  const session = field(record, 'session');
  if (session === undefined) return undefined;
  // Never a picture of it: it is a secret.
  if (typeof session !== 'string' || !SESSION.test(session)) {
    const { minSessionLength, maxSessionLength } = LIMITS;
    refuse('bad_field', `"session": expected ${minSessionLength} to ${maxSessionLength} of A-Z a-z 0-9 _ -`);
  }
  return session;
}

const SESSION = new RegExp(`^[A-Za-z0-9_-]{${LIMITS.minSessionLength},${LIMITS.maxSessionLength}}$`);

/** `{name: where to begin}` with 1..`max` good names; objects only for who has the feature `positions`. */
export function channelPositions(
  record: UnknownRecord,
  max: number,
  features: readonly Feature[],
): ReadonlyMap<string, Begin> {
  const value = field(record, 'channels');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse('bad_field', `"channels": expected an object of channel names and offsets, got ${picture(value)}`);
  }
  const names = Object.keys(value);
  if (names.length === 0) refuse('bad_field', '"channels": expected at least one channel, got none');
  if (names.length > max)
    refuse('too_many_channels', `"channels": expected at most ${max} channels, got ${names.length}`);
  const positions = new Map<string, Begin>();
  for (const name of names) {
    channelName(name);
    const given = (value as UnknownRecord)[name];
    const isObject = typeof given === 'object' && given !== null && features.includes('positions');
    try {
      positions.set(name, isObject ? beginOf(asRecord(given)) : afterOf(given));
    } catch (error) {
      throw placed(error, positionOf(name), name);
    }
  }
  return positions;
}

function positionOf(channel: string): string {
  return `"channels": ${picture(channel)}`;
}

/** Of the objects among them: `maxPerSecond`, of those that have one; `undefined` where none has. Behind {@link channelPositions}. */
export function channelPaces(
  record: UnknownRecord,
  features: readonly Feature[],
): ReadonlyMap<string, number> | undefined {
  if (!features.includes('positions')) return undefined;
  let paces: Map<string, number> | undefined;
  for (const [name, given] of Object.entries(asRecord(field(record, 'channels')))) {
    if (typeof given !== 'object' || given === null) continue;
    const pace = paceOf(name, asRecord(given));
    if (pace === undefined) continue;
    paces ??= new Map();
    paces.set(name, pace);
  }
  return paces;
}

function paceOf(channel: string, position: UnknownRecord): number | undefined {
  try {
    return optionalInteger(position, 'maxPerSecond', 1, LIMITS.maxPerSecond);
  } catch (error) {
    throw placed(error, positionOf(channel), channel);
  }
}

/** An object with `after` or `last`; neither stands for the tail. */
function beginOf(position: UnknownRecord): Begin {
  const after = field(position, 'after');
  const last = optionalInteger(position, 'last', 0, LIMITS.maxLastMessages);
  if (after !== undefined && last !== undefined) {
    refuse('bad_field', 'expected one of "after" and "last", got both');
  }
  if (last !== undefined && last > 0) return { last };
  return after === undefined ? NOW : afterOf(after, '"after": ');
}

function afterOf(given: unknown, name = ''): After {
  if (isAfter(given)) return given;
  return refuse('bad_offset', `${name}expected "-1", "now" or an offset, got ${picture(given)}`);
}

/** An idempotency key: 1..128 printable ASCII characters. */
export function idempotencyKey(record: UnknownRecord): string | undefined {
  const key = optionalString(record, 'key', LIMITS.idempotencyKeyLength, 'bad_idempotency_key');
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    refuse('bad_idempotency_key', '"key": expected printable ASCII characters without spaces');
  }
  return key;
}

/** Whether there are no more than `max` brackets to open with, wherever they stand: mostly there are few, and finding them is quick. */
function opensAtMost(text: string, max: number): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++count > max) return false;
  }
  return true;
}

/** Whether JSON text nests deeper than `max`, found without parsing it. */
export function nestsDeeperThan(text: string, max: number): boolean {
  if (opensAtMost(text, max)) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 0x5c) index++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > max) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** Parses a peer's JSON text to an object, with its depth bounded first. */
export function parseRecord(text: string, notJson: Code): UnknownRecord {
  if (nestsDeeperThan(text, LIMITS.maxJsonDepth))
    refuse('bad_request', `JSON nests deeper than ${LIMITS.maxJsonDepth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refuse(notJson, `the text is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  return asRecord(value);
}
