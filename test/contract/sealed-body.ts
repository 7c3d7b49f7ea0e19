/** Bodies that can be checked for damage: they begin with the sha256 of the rest. */
import { createHash, randomBytes } from 'node:crypto';

const HEX = 64;
const digest = (rest: Uint8Array): string => createHash('sha256').update(rest).digest('hex');

export function sealedBody(bytes: number): Buffer {
  const rest = randomBytes(bytes);
  return Buffer.concat([Buffer.from(digest(rest)), rest]);
}

export function isWhole(body: Uint8Array): boolean {
  return Buffer.from(body.subarray(0, HEX)).toString() === digest(body.subarray(HEX));
}
