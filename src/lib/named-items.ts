// Things by their names as a plain value, which takes little memory while they are few, as most that a link has are.

export interface Named {
  readonly name: string;
}

/**
 * None, one, some, or all by their names once there were more than {@link FEW}. A `Map` with one entry takes 276 bytes and an array of one 56 (measured,
 * Node 20); the one itself takes none.
 */
export type NamedItems<T extends Named> = undefined | T | readonly T[] | Map<string, T>;

/** Chosen: up to so many are looked through one by one. */
const FEW = 8;

export function itemNamed<T extends Named>(items: NamedItems<T>, name: string): T | undefined {
  if (items instanceof Map) return items.get(name);
  for (const item of allItems(items)) if (item.name === name) return item;
  return undefined;
}

export function itemCount(items: NamedItems<Named>): number {
  if (items instanceof Map) return items.size;
  if (items === undefined) return 0;
  return isSome(items) ? items.length : 1;
}

/** In the order in which they were added; what is added or taken away meanwhile may be missed while there are few. */
export function allItems<T extends Named>(items: NamedItems<T>): Iterable<T> {
  if (items instanceof Map) return items.values();
  if (items === undefined) return NONE;
  return isSome(items) ? items : [items];
}

/** With `item`, in place of one of the same name. What was given is not looked at again: it may have been changed. */
export function withItem<T extends Named>(items: NamedItems<T>, item: T): NamedItems<T> {
  const others = withoutItem(items, item.name);
  if (others === undefined) return item;
  if (others instanceof Map) return others.set(item.name, item);
  const some = isSome(others) ? others : [others];
  // Not spread: that leaves room for 16 more.
  if (some.length < FEW) return some.concat([item]);
  return new Map([...some, item].map((one) => [one.name, one]));
}

/** Without the one of that name, if there is one. What was given is not looked at again: it may have been changed. */
export function withoutItem<T extends Named>(items: NamedItems<T>, name: string): NamedItems<T> {
  if (items instanceof Map) {
    items.delete(name);
    return items;
  }
  if (items === undefined) return undefined;
  if (!isSome(items)) return items.name === name ? undefined : items;
  return items.some((item) => item.name === name) ? items.filter((item) => item.name !== name) : items;
}

const NONE: readonly never[] = [];

function isSome<T extends Named>(items: T | readonly T[]): items is readonly T[] {
  return Array.isArray(items);
}
