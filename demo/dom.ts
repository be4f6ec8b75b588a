// Finds the page's parts and makes new elements; text only ever becomes text, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** The page's element with this `data-testid`. Throws `TypeError` when index.html has none, or one of another kind. */
export function part<Kind extends Element>(name: string, kind: new () => Kind): Kind {
  const found = document.querySelector(`[data-testid="${name}"]`);
  if (!(found instanceof kind)) throw new TypeError(`index.html has no ${kind.name} "${name}"`);
  return found;
}

/** A new HTML element with attributes and children; a string child becomes text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A new SVG element. */
export function shape<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** Writes `text` only where it differs, so that a screen reader is not told the same thing twice. */
export function write(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
