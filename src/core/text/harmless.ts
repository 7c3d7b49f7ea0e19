/** Control characters, and those that change the direction of text. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Untrusted text made safe for a terminal and the page: its control characters are escaped. */
export const harmless = (text: string): string => text.replace(UNSAFE, escaped);

/** A name made safe for a line of text: quoted as JSON if it has a comma, a quote or a control character. */
export function plainName(name: string): string {
  if (!/[,"]/.test(name) && harmless(name) === name) return name;
  return harmless(JSON.stringify(name));
}
