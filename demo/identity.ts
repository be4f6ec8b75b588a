// The name that this tab publishes under: made up once, kept while the tab lives.

const MANNERS = ['Bright', 'Calm', 'Distant', 'Early', 'Gentle', 'Golden', 'Quiet', 'Patient', 'Silver', 'Steady'];
const VOICES = ['Bugle', 'Cornet', 'Flugelhorn', 'Horn', 'Oboe', 'Piccolo', 'Sackbut', 'Trombone', 'Trumpet', 'Tuba'];
const KEY = 'fanfare-demo-name';

/** The same for each call in one tab, also after a reload. */
export function nameOfThisTab(): string {
  const known = sessionStorage.getItem(KEY);
  if (known !== null) return known;
  const name = `${pick(MANNERS)} ${pick(VOICES)}`;
  sessionStorage.setItem(KEY, name);
  return name;
}

function pick(list: readonly string[]): string {
  return list[Math.floor(Math.random() * list.length)] ?? '';
}
