/** The bytes of `magic` (latin1) at offset `at`. */
export type Signature = readonly [at: number, magic: string];

export const matches = (head: Buffer, [at, magic]: Signature): boolean =>
  head.toString('latin1', at, at + magic.length) === magic;
