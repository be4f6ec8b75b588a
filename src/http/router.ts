// Finds what answers a path: routes with methods and a pattern, for node and discovery alike.

import { FanfareError } from '../lib/errors.js';

/** The segments of a path that a pattern names, decoded. */
export type PathParams = Readonly<Record<string, string>>;

/** Answers calls of kind `C` with an `R`; it may throw a `FanfareError`. */
export interface Route<C, R> {
  /** None: it takes any. */
  readonly methods: readonly string[];
  /** A whole path; a segment `:name` stands for any one segment, as in `/v1/nodes/:id/drain`. */
  readonly pattern: string;
  run(call: C, params: PathParams): R;
}

export interface Found<T> {
  readonly route: T;
  readonly params: PathParams;
}

const NO_PARAMS: PathParams = {};

/** Patterns without a name are found at once, whatever their number; the others are tried in order. */
export class Router<T extends Pick<Route<never, unknown>, 'pattern'>> {
  readonly #fixed = new Map<string, Found<T>>();
  readonly #named: readonly { readonly route: T; readonly segments: readonly string[] }[];

  constructor(routes: readonly T[]) {
    const named = [];
    for (const route of routes) {
      if (route.pattern.includes(':')) named.push({ route, segments: route.pattern.split('/') });
      else this.#fixed.set(route.pattern, { route, params: NO_PARAMS });
    }
    this.#named = named;
  }

  /** What is at the raw `path`, whatever the method; `undefined` when nothing is. Throws `bad_encoding` for a bad name. */
  find(path: string): Found<T> | undefined {
    const fixed = this.#fixed.get(path);
    if (fixed !== undefined || this.#named.length === 0) return fixed;
    const given = path.split('/');
    for (const { route, segments } of this.#named) {
      const params = match(segments, given);
      if (params !== undefined) return { route, params };
    }
    return undefined;
  }
}

/** What an `Allow` header says of a route: preflights are answered everywhere. */
export function allowedMethods(route: Pick<Route<never, unknown>, 'methods'>): string {
  return [...route.methods, 'OPTIONS'].join(', ');
}

/** Throws `method_not_allowed` where the route takes other methods. */
export function requireMethod(route: Pick<Route<never, unknown>, 'methods'>, method: string): void {
  if (route.methods.length === 0 || route.methods.includes(method)) return;
  throw new FanfareError('method_not_allowed', `this path takes ${route.methods.join(' and ')}`);
}

function match(segments: readonly string[], given: readonly string[]): PathParams | undefined {
  if (segments.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const text = given[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== text) return undefined;
    } else if (text === '') return undefined;
    else params[segment.slice(1)] = decoded(text);
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new FanfareError('bad_encoding', 'the path is not well-formed percent-encoding', { cause });
  }
}
