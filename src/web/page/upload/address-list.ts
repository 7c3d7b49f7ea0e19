/** Addresses of images in a text. Pure. */

export interface AddressList {
  s3: readonly string[];
  web: readonly string[];
}

/** @returns undefined if the text has anything else than addresses, with space between. */
export function addressesIn(text: string): AddressList | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const s3 = words.filter((word) => /^s3:\/\/[^/]+/.test(word));
  const web = words.filter((word) => /^https?:\/\/[^/]+/.test(word));
  return words.length > 0 && s3.length + web.length === words.length ? { s3, web } : undefined;
}
