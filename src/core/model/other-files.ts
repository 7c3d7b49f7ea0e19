// Names what a file is that is no image: a download that failed, an archive, a video.

import { matches, type Signature } from './signatures.ts';

const KINDS: readonly (readonly [string, ...Signature[]])[] = [
  ['a zip archive or an office document', [0, 'PK\x03\x04']],
  ['a gzip archive', [0, '\x1f\x8b']],
  ['a 7-Zip archive', [0, '7z\xbc\xaf\x27\x1c']],
  ['a RAR archive', [0, 'Rar!\x1a\x07']],
  ['a bzip2 archive', [0, 'BZh']],
  ['an xz archive', [0, '\xfd7zXZ\0']],
  ['a Zstandard archive', [0, '\x28\xb5\x2f\xfd']],
  ['a tar archive', [257, 'ustar']],
  ['a video', [4, 'ftyp']],
  ['a QuickTime video', [4, 'moov']],
  ['a QuickTime video', [4, 'mdat']],
  ['a Matroska or WebM video', [0, '\x1a\x45\xdf\xa3']],
  ['an AVI video', [0, 'RIFF'], [8, 'AVI ']],
  ['an MPEG video', [0, '\0\0\x01\xba']],
  ['a Flash video', [0, 'FLV\x01']],
  ['a Windows Media file', [0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11']],
  ['a WAV sound', [0, 'RIFF'], [8, 'WAVE']],
  ['an MP3 sound', [0, 'ID3']],
  ['an Ogg file', [0, 'OggS']],
  ['a FLAC sound', [0, 'fLaC']],
  ['a Windows program', [0, 'MZ']],
  ['a program', [0, '\x7fELF']],
  ['a SQLite database', [0, 'SQLite format 3\0']],
  ['a file of macOS beside another one', [0, '\0\x05\x16\x07']],
  ['a pointer to a file of Git LFS, which was not downloaded', [0, 'version https://git-lfs']],
];

const HTML = /^(?:\s|<!--[\s\S]*?-->)*<(?:!doctype html|html|head|body)\b/i;
const S3_ERROR = /<Error>\s*<Code>(\w+)<\/Code>/;
const XML = /^\s*<\?xml\b/;
const JSON_TEXT = /^\s*[{[]\s*["{[\]}\d-]/;
/** No character of a binary file: control characters, or what is not UTF-8. */
const TEXT = /^[^\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]+$/;

/** Such as "an HTML page"; undefined if the first bytes do not say it. @param head the first 4 KB of a file */
export function otherFileKind(head: Buffer): string | undefined {
  const known = KINDS.find(([, ...signatures]) => signatures.every((signature) => matches(head, signature)));
  if (known !== undefined) return known[0];
  if (head.every((byte) => byte === 0)) return 'a file of zeros';
  const text = new TextDecoder().decode(head, { stream: true }).replace(/^\uFEFF/, '');
  if (HTML.test(text)) return 'an HTML page';
  const [, code] = S3_ERROR.exec(text) ?? [];
  if (code !== undefined) return `an error message of S3, ${code}`;
  if (XML.test(text)) return 'an XML file';
  if (JSON_TEXT.test(text)) return 'a JSON file';
  return TEXT.test(text) ? 'a text' : undefined;
}
