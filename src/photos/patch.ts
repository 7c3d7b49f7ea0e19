/** How to get an earlier content of a file back from the present one: the bytes between a common begin and a common end. */
export interface Patch {
  /** Bytes at the begin that both contents have. */
  begin: number;
  /** Bytes at the end that both contents have. */
  end: number;
  /** What is between them in the earlier content. */
  between: Buffer;
}

export function patchTo(before: Buffer, after: Buffer): Patch {
  const shorter = Math.min(before.length, after.length);
  let begin = 0;
  while (begin < shorter && before[begin] === after[begin]) begin++;
  let end = 0;
  while (end < shorter - begin && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { begin, end, between: before.subarray(begin, before.length - end) };
}

export const patched = (after: Buffer, { begin, end, between }: Patch): Buffer =>
  Buffer.concat([after.subarray(0, begin), between, after.subarray(after.length - end)]);
