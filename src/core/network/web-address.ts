/** Web addresses of images: http and https. Pure. */

/** Whether the text is meant as a web address. It may be a wrong one. */
export const isWebAddress = (text: string): boolean => /^https?:\/\//i.test(text);

/** Its parts; undefined for other texts. */
export const parseWebAddress = (text: string): URL | undefined =>
  isWebAddress(text) && URL.canParse(text) ? new URL(text) : undefined;

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The port, also where the address has none. */
export const portOf = ({ port, protocol }: URL): string => port || (DEFAULT_PORTS[protocol] ?? '');

/** What is wrong with a web address, in words behind its text; undefined if an image can be fetched from it. */
export function faultOfAddress(text: string): string | undefined {
  const url = parseWebAddress(text);
  if (url === undefined) return 'is not an address of http or https';
  // It would stand in results, in the terminal and on the page.
  if (url.username !== '' || url.password !== '') return 'has a user name or password';
  return undefined;
}
