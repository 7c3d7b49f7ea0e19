// Lists of an XMP packet (rdf:Bag, rdf:Seq). They are changed in the text itself: all else stays as it is, byte for byte.

import type { XmlElement } from '@rgrove/parse-xml';
import {
  elementsIn,
  hasAttribute,
  isNamed,
  namespaceOf,
  parseXmp,
  prefixOf,
  RDF,
  spaceBefore,
  UnusableSidecarError,
} from './document.ts';

/** A property of XMP whose value is a list. */
export interface ListProperty {
  namespace: string;
  /** Unless the packet has another one for the namespace. */
  prefix: string;
  name: string;
}

/** The items of a list; undefined if the packet does not have it. @throws {UnusableSidecarError} */
export function readList(text: string, property: ListProperty): string[] | undefined {
  const found = findList(parseXmp(text), property);
  return found && itemsIn(found.container).map((item) => item.text);
}

/**
 * Gives a list these items: removes others, and adds what is missing at its end. A list without items is removed.
 * @throws {UnusableSidecarError}
 */
export function writeList(text: string, property: ListProperty, wanted: readonly string[]): string {
  const rdf = parseXmp(text);
  const found = findList(rdf, property);
  if (found === undefined) return wanted.length === 0 ? text : addList(text, rdf, property, wanted);
  const items = itemsIn(found.container);
  const present = items.map((item) => item.text);
  const removed = items.filter((item) => !wanted.includes(item.text));
  const added = wanted.filter((item) => !present.includes(item));
  if (wanted.length === 0 && removed.length > 0) return edited(text, [removal(found.element)]);
  return edited(text, [...removed.map(removal), ...additions(text, found.container, added)]);
}

interface FoundList {
  element: XmlElement;
  container: XmlElement;
}

function findList(rdf: XmlElement, { namespace, name }: ListProperty): FoundList | undefined {
  for (const description of descriptionsIn(rdf)) {
    if (hasAttribute(description, namespace, name)) throw notAList(name);
    const element = elementsIn(description).find((child) => isNamed(child, namespace, name));
    if (element === undefined) continue;
    const [container, another] = elementsIn(element);
    if (container === undefined || another !== undefined || !isContainer(container)) throw notAList(name);
    return { element, container };
  }
  return undefined;
}

const notAList = (name: string) => new UnusableSidecarError(`has a property "${name}" that is not a list`);

const descriptionsIn = (rdf: XmlElement): XmlElement[] =>
  elementsIn(rdf).filter((child) => isNamed(child, RDF, 'Description'));

const isContainer = (element: XmlElement): boolean =>
  ['Bag', 'Seq', 'Alt'].some((name) => isNamed(element, RDF, name));

const itemsIn = (container: XmlElement): XmlElement[] =>
  elementsIn(container).filter((child) => isNamed(child, RDF, 'li'));

/** A change of the text: what is from `start` to `end` becomes `text`. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

const edited = (text: string, edits: readonly Edit[]): string =>
  edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((changed, edit) => changed.slice(0, edit.start) + edit.text + changed.slice(edit.end), text);

const removal = (element: XmlElement): Edit => ({
  start: spaceBefore(element)?.start ?? element.start,
  end: element.end,
  text: '',
});

function additions(text: string, container: XmlElement, items: readonly string[]): Edit[] {
  if (items.length === 0) return [];
  const last = itemsIn(container).at(-1);
  const space = (last && lineBefore(text, last)) ?? '';
  const added = items.map((item) => `${space}${itemText(container, item)}`).join('');
  return [
    last === undefined ? inside(text, container, added) : { start: last.end, end: last.end, text: added },
  ];
}

const itemText = (container: XmlElement, item: string): string =>
  `<${prefixOf(container)}li>${escaped(item)}</${prefixOf(container)}li>`;

/** Puts text behind all that an element contains, before the white space at its end. */
function inside(text: string, { end, name }: XmlElement, added: string): Edit {
  if (text.startsWith('/>', end - 2)) return { start: end - 2, end, text: `>${added}</${name}>` };
  const at = text.slice(0, text.lastIndexOf('</', end - 1)).trimEnd().length;
  return { start: at, end: at, text: added };
}

/** The end of a line, and the indentation of a property in a packet that has none to imitate. */
const LINE = '\n   ';

/** The last line end before an element, with its indentation. */
function lineBefore(text: string, element: XmlElement): string | undefined {
  const space = spaceBefore(element);
  return space && /\r?\n[^\n]*$/.exec(text.slice(space.start, space.end))?.[0];
}

function addList(text: string, rdf: XmlElement, property: ListProperty, items: readonly string[]): string {
  const description = descriptionsIn(rdf)[0];
  if (description === undefined) {
    const name = `${prefixOf(rdf)}Description`;
    const about = prefixOf(rdf) === '' ? '' : ` ${prefixOf(rdf)}about=""`;
    const added = edited(text, [inside(text, rdf, `\n  <${name}${about}/>\n `)]);
    return writeList(added, property, items);
  }
  const sibling = elementsIn(description).at(-1);
  const space = (sibling && lineBefore(text, sibling)) ?? LINE;
  const { name, declaration } = nameIn(description, property);
  const rdfPrefix = prefixOf(description);
  const lines = [
    `${space}<${name}${declaration}>`,
    `${space} <${rdfPrefix}Bag>`,
    ...items.map((item) => `${space}  ${itemText(description, item)}`),
    `${space} </${rdfPrefix}Bag>`,
    `${space}</${name}>`,
  ];
  return edited(text, [inside(text, description, lines.join(''))]);
}

/** The name of a new property, and the declaration of its namespace if the packet has none that holds here. */
function nameIn(
  description: XmlElement,
  { namespace, prefix, name }: ListProperty,
): { name: string; declaration: string } {
  if (namespaceOf(description, prefix) === namespace) return { name: `${prefix}:${name}`, declaration: '' };
  let free = prefix;
  while (namespaceOf(description, free) !== undefined) free += '_';
  return { name: `${free}:${name}`, declaration: ` xmlns:${free}="${namespace}"` };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? '');
