import { parseXml, XmlElement, type XmlNode, XmlText } from '@rgrove/parse-xml';
import { messageOf } from '../../core/runtime/errors.ts';

export const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#';

/** A sidecar that imgcls does not understand in full, and therefore leaves alone. The message continues "it ...". */
export class UnusableSidecarError extends Error {}

/** The `rdf:RDF` of an XMP packet. Offsets of its elements are places in `text`. @throws {UnusableSidecarError} */
export function parseXmp(text: string): XmlElement {
  const { children } = parseOrThrow(text);
  if (children.some(({ type }) => type === 'doctype'))
    throw new UnusableSidecarError('has a document type (DOCTYPE), which XMP must not have');
  const [found, another] = children.flatMap((node) => (node instanceof XmlElement ? rdfIn(node) : []));
  if (found === undefined) throw new UnusableSidecarError('is not XMP: it has no rdf:RDF');
  if (another !== undefined) throw new UnusableSidecarError('has more than one rdf:RDF');
  return found;
}

function parseOrThrow(text: string) {
  try {
    return parseXml(text, { includeOffsets: true, preserveComments: true, preserveDocumentType: true });
  } catch (error) {
    // Too many nested elements exceed the stack.
    const why = error instanceof RangeError ? 'too many nested elements' : messageOf(error).split('\n')[0];
    throw new UnusableSidecarError(`is not well-formed XML: ${why}`);
  }
}

const rdfIn = (element: XmlElement): XmlElement[] =>
  isNamed(element, RDF, 'RDF')
    ? [element]
    : elementsIn(element).filter((child) => isNamed(child, RDF, 'RDF'));

export const elementsIn = ({ children }: XmlElement): XmlElement[] =>
  children.filter((child): child is XmlElement => child instanceof XmlElement);

/** `rdf:` of `rdf:Description`; '' for a name of the default namespace. */
export const prefixOf = ({ name }: XmlElement): string => name.slice(0, name.indexOf(':') + 1);

export const isNamed = (element: XmlElement, namespace: string, name: string): boolean =>
  element.name === `${prefixOf(element)}${name}` &&
  namespaceOf(element, prefixOf(element).slice(0, -1)) === namespace;

/** The namespace that a prefix has inside an element; the default one for ''. */
export function namespaceOf(element: XmlElement, prefix: string): string | undefined {
  const attribute = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
  for (let at: XmlNode | null = element; at instanceof XmlElement; at = at.parent) {
    const found = at.attributes[attribute];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the element has an attribute of this name. */
export const hasAttribute = (element: XmlElement, namespace: string, name: string): boolean =>
  Object.keys(element.attributes).some((attribute) => {
    const [prefix = '', local] = attribute.split(':');
    return local === name && namespaceOf(element, prefix) === namespace;
  });

/** The white space before a node, if nothing else is there. */
export function spaceBefore(node: XmlElement): XmlText | undefined {
  const siblings = node.parent?.children ?? [];
  const before = siblings[siblings.indexOf(node) - 1];
  return before instanceof XmlText && before.text.trim() === '' ? before : undefined;
}
