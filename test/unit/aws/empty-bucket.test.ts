import { DeleteObjectsCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { createBuckets } from '../../../src/aws/empty-bucket.ts';

const PAGE = 1000;

/** A bucket of so many versions. `refusal` is the error of every deletion, if it has one. */
function bucketOf(versions: number, refusal?: Error) {
  const left = new Set(Array.from({ length: versions }, (_, n) => `k${n}`));
  const all = [...left];
  let [open, mostOpen] = [0, 0];
  const remove = async ({ input }: DeleteObjectsCommand) => {
    mostOpen = Math.max(mostOpen, ++open);
    await new Promise(setImmediate);
    open--;
    if (refusal !== undefined) throw refusal;
    for (const { Key = '' } of input.Delete?.Objects ?? []) left.delete(Key);
    return {};
  };
  const list = ({ input }: ListObjectVersionsCommand) => {
    const from = Number(input.KeyMarker ?? 0);
    const page = all.slice(from, from + PAGE).map((Key) => ({ Key, VersionId: '1' }));
    const isLast = from + PAGE >= versions;
    return { Versions: page, IsTruncated: !isLast, ...(!isLast && { NextKeyMarker: String(from + PAGE) }) };
  };
  const send = async (command: object) => {
    if (command instanceof DeleteObjectsCommand) return await remove(command);
    return command instanceof ListObjectVersionsCommand ? list(command) : {};
  };
  return { client: { send } as unknown as S3Client, left, mostOpen: () => mostOpen };
}

describe('a bucket that is emptied', () => {
  it('loses every version, three thousand at once', async () => {
    const { client, left, mostOpen } = bucketOf(7500);
    const told: number[] = [];
    await createBuckets(client).empty('bucket', (deleted) => void told.push(deleted));
    expect(left.size).toBe(0);
    expect(mostOpen()).toBe(3);
    expect(told.at(-1)).toBe(7500);
  });

  it('keeps its objects if they may not be deleted, and the error says so', async () => {
    const denied = Object.assign(new Error('Access Denied'), { name: 'AccessDenied' });
    const { client, left } = bucketOf(7500, denied);
    await expect(createBuckets(client).empty('bucket', () => {})).rejects.toThrow('access is denied');
    expect(left.size).toBe(7500);
  });
});
