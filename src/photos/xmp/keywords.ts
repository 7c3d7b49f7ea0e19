// The keywords that imgcls gives a photograph, in the properties where programs look for them.

import { UnusableSidecarError } from './document.ts';
import { type ListProperty, readList, writeList } from './lists.ts';

/** What a photograph is tagged with: words, and paths from general to special. */
export interface Keywords {
  words: readonly string[];
  paths: readonly (readonly string[])[];
}

/** Flat keywords, which all programs read. */
const SUBJECT: ListProperty = {
  namespace: 'http://purl.org/dc/elements/1.1/',
  prefix: 'dc',
  name: 'subject',
};
/** Paths with `|`: Lightroom, darktable, Capture One; Immich reads no other list if it is there. */
const HIERARCHY: ListProperty = {
  namespace: 'http://ns.adobe.com/lightroom/1.0/',
  prefix: 'lr',
  name: 'hierarchicalSubject',
};
/** Paths with `/`. digiKam and Immich read no other list if it is there, so a packet that has it needs them here, too. */
const TAGS_LIST: ListProperty = {
  namespace: 'http://www.digikam.org/ns/1.0/',
  prefix: 'digiKam',
  name: 'TagsList',
};
/** Which of the flat keywords imgcls has added: only these may it remove. */
const OWN_WORDS: ListProperty = { namespace: 'imgcls:ns:1.0/', prefix: 'imgcls', name: 'ownSubject' };

/** The top of all paths: what is below it belongs to imgcls. */
const ROOT = 'imgcls';

/** A sidecar without any property. */
export const EMPTY_SIDECAR = `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="imgcls">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="${SUBJECT.namespace}"
    xmlns:lr="${HIERARCHY.namespace}"
    xmlns:imgcls="${OWN_WORDS.namespace}">
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
`;

/**
 * The packet with these keywords of imgcls in place of its earlier ones. Keywords of others stay, also if they are the same.
 * @throws {UnusableSidecarError}
 */
export function withKeywords(text: string, { words, paths }: Keywords): string {
  const present = readList(text, SUBJECT) ?? [];
  const own = readList(text, OWN_WORDS) ?? [];
  const wanted = words.map(xmlText);
  const kept = present.filter((word) => !own.includes(word) || wanted.includes(word));
  const added = wanted.filter((word) => !kept.some((other) => isSameWord(word, other)));
  const ownNow = [...own.filter((word) => kept.includes(word)), ...added];
  const lists: [ListProperty, readonly string[]][] = [
    [SUBJECT, [...kept, ...added]],
    [HIERARCHY, withPaths(readList(text, HIERARCHY) ?? [], paths, '|')],
    [OWN_WORDS, ownNow],
  ];
  const tagsList = readList(text, TAGS_LIST);
  if (tagsList !== undefined) lists.push([TAGS_LIST, withPaths(tagsList, paths, '/')]);
  return lists.reduce((changed, [property, items]) => writeList(changed, property, items), text);
}

/** The packet without those of imgcls's keywords that are listed. @throws {UnusableSidecarError} */
export function withoutKeywords(text: string, listed: Keywords): string {
  const words = listed.words.map(xmlText);
  const paths = listed.paths.map((path) => pathText(path, '|'));
  const ownPaths = (readList(text, HIERARCHY) ?? []).filter((item) => item.startsWith(`${ROOT}|`));
  return withKeywords(text, {
    words: (readList(text, OWN_WORDS) ?? []).filter((word) => !words.includes(word)),
    paths: ownPaths.filter((path) => !paths.includes(path)).map((path) => path.split('|').slice(1)),
  });
}

const isSameWord = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

function withPaths(present: readonly string[], paths: Keywords['paths'], separator: string): string[] {
  const ofOthers = present.filter((item) => !item.startsWith(`${ROOT}${separator}`));
  return [...ofOthers, ...paths.map((path) => pathText(path, separator))];
}

/** A separator in a label would begin another level. */
const pathText = (path: readonly string[], separator: string): string =>
  [ROOT, ...path].map((part) => xmlText(part).replaceAll(/[|/]/g, ' ')).join(separator);

/** Without characters that XML cannot have. */
const xmlText = (text: string): string =>
  text.toWellFormed().replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, ' ');

/** Declared encodings whose texts are UTF-8 as well. */
const UTF8 = /^(utf-?8|us-ascii)$/i;
const DECLARED = /^\uFEFF?<\?xml\s[^>]*encoding\s*=\s*["']([^"']+)["']/;

/** The text of a sidecar, its byte order mark included. @throws {UnusableSidecarError} */
export function decodeSidecar(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UnusableSidecarError('is not in UTF-8');
  }
  const [, encoding = 'utf-8'] = DECLARED.exec(text) ?? [];
  if (!UTF8.test(encoding)) throw new UnusableSidecarError(`is in ${encoding}, not in UTF-8`);
  return text;
}
