import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/cloud/ports.ts';
import { ImgclsError, ObjectMissingError } from '../../../src/core/runtime/errors.ts';
import type { Input, Skipped } from '../../../src/upload/inputs.ts';
import { walkInputs } from '../../../src/upload/walk.ts';
import { virtualClock } from '../virtual-clock.ts';

const PLACE = 'lists/photos/daily';
const MANIFEST = `${PLACE}/2026-11-29T01-00Z/manifest.json`;
const CURRENT = 'Bucket, Key, Size, LastModifiedDate, ETag, StorageClass';
const VERSIONS = 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag';
const PARQUET =
  'message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); optional boolean is_latest; optional boolean is_delete_marker; optional int64 size; optional binary e_tag (UTF8); }';
const md5 = (body: Uint8Array | string) => hash('md5', body);

/** A bucket with an inventory in S3's documented layout. */
function inventoryBucket(
  files: Record<string, Uint8Array>,
  changes: { fileFormat?: string; fileSchema?: string; checksum?: string; md5?: string } = {},
) {
  const { fileFormat = 'CSV', fileSchema = CURRENT } = changes;
  const manifest = JSON.stringify({
    sourceBucket: 'photos',
    destinationBucket: 'arn:aws:s3:::inventories',
    version: '2016-11-30',
    creationTimestamp: String(Date.UTC(2026, 10, 29, 1)),
    fileFormat,
    fileSchema,
    files: Object.entries(files).map(([name, body]) => ({
      key: `${PLACE}/data/${name}`,
      size: body.byteLength,
      MD5checksum: changes.md5 ?? md5(body),
    })),
  });
  const objects = new Map<string, Uint8Array>(
    Object.entries(files).map(([name, body]) => [`${PLACE}/data/${name}`, body]),
  );
  objects.set(MANIFEST, Buffer.from(manifest));
  objects.set(MANIFEST.replace('.json', '.checksum'), Buffer.from(changes.checksum ?? md5(manifest)));
  return objects;
}

async function walk(objects: ReadonlyMap<string, Uint8Array>, exclude: readonly string[] = []) {
  const bodyOf = (key: string) => {
    const found = objects.get(key);
    if (found === undefined) throw new ObjectMissingError('inventories', key);
    return found;
  };
  const infoOf = (body: Uint8Array) => ({ etag: '"1"', bytes: body.byteLength, modifiedAtMs: 0 });
  let breaks = 1;
  const store = {
    bucket: 'inventories',
    head: async (key) => (objects.has(key) ? infoOf(bodyOf(key)) : undefined),
    get: async (key) => ({ info: infoOf(bodyOf(key)), body: bodyOf(key) }),
    async getStream(key, { range } = {}) {
      const body = bodyOf(key).subarray(range?.offset, (range?.offset ?? 0) + (range?.length ?? 0));
      const cut = new ImgclsError('transient', 'The connection broke.');
      async function* pieces() {
        yield body.subarray(0, 5);
        if (breaks-- > 0) throw cut;
        yield body.subarray(5);
      }
      return { info: infoOf(body), body: Readable.from(pieces()) };
    },
  } as Pick<Store, 'bucket' | 'head' | 'get' | 'getStream'> as Store;
  const skipped: Skipped[] = [];
  const told: unknown[] = [];
  const inputs: Input[] = await Array.fromAsync(
    walkInputs([`s3://inventories/${MANIFEST}`], {
      include: [],
      exclude,
      stdin: Readable.from([]),
      bucket: () => store,
      onSkip: (one) => skipped.push(one),
      onInventory: ({ sourceBucket, createdAtMs }) => told.push({ sourceBucket, createdAtMs }),
      clock: virtualClock(),
      random: () => 0,
    }),
  );
  return { inputs, skipped, told };
}

const csv = (...rows: string[][]) =>
  gzipSync(rows.map((row) => `${row.map((field) => `"${field}"`).join(',')}\n`).join(''));
const row = (key: string) => ['photos', key, '1048576', '2026-11-01T21:32:00.000Z', md5(key), 'STANDARD'];
const image = (key: string) => ({
  kind: 'object',
  name: key,
  source: `s3://photos/${key}`,
  bucket: 'photos',
  key,
  etag: `"${md5(key)}"`,
  bytes: 1048576,
});

describe('an inventory in CSV', () => {
  it('gives its images, file by file, and says of when it is', async () => {
    const files = {
      'one.csv.gz': csv(row('2024/a.jpg'), row('2024/'), row('readme.md')),
      'two.csv.gz': csv(row('2023/b.jpg')),
    };
    const { inputs, skipped, told } = await walk(inventoryBucket(files));
    expect(inputs).toEqual([image('2024/a.jpg'), image('2023/b.jpg')]);
    expect(skipped).toEqual([{ source: 's3://photos/readme.md', reason: 'not an image file name' }]);
    expect(told).toEqual([{ sourceBucket: 'photos', createdAtMs: Date.UTC(2026, 10, 29, 1) }]);
  });

  it('has URL-encoded keys, and patterns match their whole paths', async () => {
    const keys = ['caf%C3%A9/one+two%2Bthree.jpg', 'old%2Fa.jpg'];
    const { inputs } = await walk(inventoryBucket({ 'a.csv.gz': csv(...keys.map((key) => row(key))) }), [
      'old/**',
    ]);
    expect(inputs.map(({ name }) => name)).toEqual(['café/one two+three.jpg']);
  });

  it('skips older versions and delete markers', async () => {
    const version = (key: string, isLatest: string, isMarker: string) => [
      'photos',
      key,
      'v1',
      isLatest,
      isMarker,
      isMarker === 'true' ? '' : '1048576',
      isMarker === 'true' ? '' : md5(key),
    ];
    const body = csv(
      version('a.jpg', 'false', 'false'),
      version('a.jpg', 'true', 'false'),
      version('b.jpg', 'true', 'true'),
    );
    const { inputs } = await walk(inventoryBucket({ 'a.csv.gz': body }, { fileSchema: VERSIONS }));
    expect(inputs).toEqual([image('a.jpg')]);
  });

  it.each<[string, Parameters<typeof inventoryBucket>[1], string, RegExp]>([
    ['a manifest that was changed', { checksum: md5('other') }, 'usage', /does not match manifest\.checksum/],
    ['a file that was changed', { md5: md5('other') }, 'permanent', /one\.csv\.gz: Its MD5 is not/],
    ['no ETags', { fileSchema: 'Bucket, Key, Size' }, 'usage', /lacks ETag\. Add the fields/],
    ['ORC', { fileFormat: 'ORC' }, 'usage', /ORC, and imgcls reads CSV and Parquet/],
    [
      'other columns than its schema says',
      { fileSchema: VERSIONS },
      'permanent',
      /6 quoted fields instead of 7/,
    ],
  ])('is refused with %s', async (_, changes, kind, message) => {
    const bucket = inventoryBucket({ 'one.csv.gz': csv(row('a.jpg')) }, changes);
    await expect(walk(bucket)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  it.each([
    ['cut', csv(row('a.jpg'), row('b.jpg')).subarray(0, 40), /not a whole gzip file/],
    ['text', Buffer.from('no gzip'), /not a whole gzip file/],
    ['of a key that is not encoded', csv(row('%')), /not URL-encoded/],
    ['without sizes', csv(['photos', 'a.jpg', 'x', '', md5('a'), '']), /lacks its ETag or size/],
  ])('is refused when a file is %s', async (_, body, message) => {
    await expect(walk(inventoryBucket({ 'one.csv.gz': body }))).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringMatching(message),
    });
  });

  it('names what is missing, or no manifest', async () => {
    const bucket = inventoryBucket({ 'one.csv.gz': csv(row('a.jpg')) });
    bucket.delete(`${PLACE}/data/one.csv.gz`);
    await expect(walk(bucket)).rejects.toThrow('one.csv.gz');
    await expect(walk(new Map([[MANIFEST, Buffer.from('{}')]]))).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('wrong format: sourceBucket'),
    });
  });
});

describe('an inventory in Parquet', () => {
  const COUNT = 3000;
  const keys = Array.from({ length: COUNT }, (_, n) => `2024/${String(n).padStart(6, '0')}+a.jpg`);
  const column = (name: string, type: 'STRING' | 'BOOLEAN' | 'INT64', data: unknown[]) => ({
    name,
    type,
    data,
  });
  const parquet = (latest: (n: number) => boolean) =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          column(
            'bucket',
            'STRING',
            keys.map(() => 'photos'),
          ),
          column('key', 'STRING', keys),
          column(
            'is_latest',
            'BOOLEAN',
            keys.map((_, n) => latest(n)),
          ),
          column(
            'is_delete_marker',
            'BOOLEAN',
            keys.map((_, n) => n === 0),
          ),
          column(
            'size',
            'INT64',
            keys.map(() => 1048576n),
          ),
          column(
            'e_tag',
            'STRING',
            keys.map((key) => md5(key)),
          ),
        ],
        rowGroupSize: 2000,
      }),
    );

  it('gives its images, row group by row group, without older versions and delete markers', async () => {
    const files = { 'one.parquet': parquet((n) => n % 100 === 0) };
    const { inputs } = await walk(inventoryBucket(files, { fileFormat: 'Parquet', fileSchema: PARQUET }));
    expect(inputs).toEqual(keys.filter((_, n) => n % 100 === 0 && n > 0).map(image));
  });

  it('is refused when a file is none', async () => {
    const files = { 'one.parquet': Buffer.from('PAR1 but no more PAR1') };
    const walked = walk(inventoryBucket(files, { fileFormat: 'Parquet', fileSchema: PARQUET }));
    await expect(walked).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('not readable as Parquet'),
    });
  });
});
