// A few tabs that are all subscribed to a channel, and what each is told.

import { type FakeTab, Origin } from './tabs.js';

/** Such as 1, 2, 3. */
export const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, n) => n + from);

/** A few tabs that have all subscribed to `news`, and what each is told. */
export async function openTabs(count: number, origin = new Origin()) {
  const tabs = numbers(count).map(() => origin.open());
  const told = new Map(tabs.map((tab) => [tab, tab.listen('news')]));
  await origin.clock.advance(1_000);
  return { origin, tabs, told, leader: () => origin.leaders[0] as FakeTab };
}
