// Names that every file system can have: of Linux, macOS, Windows, memory cards and network shares.

/** Most file systems have names of at most 255 bytes; the rest is for a suffix and the ending of a sidecar. */
const MAX_NAME_BYTES = 230;

/** Characters that Windows and FAT do not have in names. */
const UNSAFE = /[<>:"/\\|?*\u0000-\u001f\u007f]/g;
/** Windows ignores dots and spaces at the end of a name. */
const END = /[. ]+$/;
/** Devices of Windows, whatever their ending. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The name of a folder for a label, or of a file. `name` is cut, `ending` is kept. */
export function safeName(name: string, ending = ''): string {
  const safe = name.toWellFormed().normalize('NFC').replaceAll(UNSAFE, '_').replace(END, '');
  const named = safe === '' || DEVICES.test(safe) ? `${safe}_` : safe;
  const end = ending.replaceAll(UNSAFE, '_').replace(END, '');
  return `${cut(named, MAX_NAME_BYTES - Buffer.byteLength(end))}${end}`;
}

function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let cutText = '';
  let used = 0;
  for (const character of text) {
    used += Buffer.byteLength(character);
    if (used > bytes) break;
    cutText += character;
  }
  return cutText.replace(END, '');
}
