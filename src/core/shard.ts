import { PoisonError } from './errors.ts';
import type { ShardRange } from './keys.ts';
import { type Outcome, outcome } from './outcome.ts';
import { parseVersioned } from './versioned.ts';

/** A result shard as it stands in the ledger: one outcome a line. */
export const formatShard = (outcomes: readonly Outcome[]): Buffer =>
  Buffer.from(outcomes.map((one) => `${JSON.stringify(one)}\n`).join(''));

/**
 * @throws {PoisonError} when the shard does not hold its range, one outcome an image.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export function parseShard(body: Uint8Array, key: string, range: ShardRange): Outcome[] {
  const lines = new TextDecoder().decode(body).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const outcomes = lines.map((line) => parseVersioned(outcome, line, `result shard ${key}`));
  const isWhole =
    outcomes.length === range.last - range.first + 1 &&
    outcomes.every(({ index }, place) => index === range.first + place);
  if (!isWhole)
    throw new PoisonError(`The result shard ${key} does not hold the outcomes that its name says.`);
  return outcomes;
}
