/** The lists of a bucket's objects that S3 writes every day or week: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html */
import { hash } from 'node:crypto';
import * as z from 'zod';
import type { Store } from '../../core/cloud/ports.ts';
import { ImgclsError, messageOf, ObjectMissingError, PoisonError } from '../../core/runtime/errors.ts';
import { firstIssue, parseJson } from '../../core/runtime/versioned.ts';
import type { ReadTools } from '../retry-shortage.ts';
import { parseS3Address } from '../select.ts';
import { readCsv } from './inventory-csv.ts';
import type { InventoryObject } from './inventory-object.ts';
import { PinnedObject } from './pinned-object.ts';

const manifest = z.object({
  sourceBucket: z.string().min(1),
  /** Milliseconds since 1970, as text. */
  creationTimestamp: z.string().regex(/^\d{1,15}$/),
  fileFormat: z.string(),
  fileSchema: z.string(),
  files: z.array(z.object({ key: z.string(), MD5checksum: z.string() })),
});

/** What an inventory lists, and as of when. */
export interface InventoryInfo {
  /** The bucket whose objects it lists. */
  sourceBucket: string;
  /** When S3 began to list the objects. */
  createdAtMs: number;
}

/** The manifest of one inventory. */
export interface Inventory extends InventoryInfo {
  format: 'CSV' | 'Parquet';
  columns: readonly string[];
  files: { key: string; md5: string }[];
}

/** Columns without which images cannot be read as they were listed. The first one is in every inventory. */
const NEEDED_COLUMNS = { CSV: ['Key', 'Size', 'ETag'], Parquet: ['key', 'size', 'e_tag'] };

const MANIFEST = /(^|\/)manifest\.json$/;

/** Whether an input is the manifest of an inventory. No image has such a name. */
export const isInventory = (input: string): boolean => MANIFEST.test(parseS3Address(input)?.prefix ?? '');

/** Whether all submitters of a job with these inputs find the same images in the same order. */
export const areInventories = (inputs: readonly string[]): boolean =>
  inputs.length > 0 && inputs.every(isInventory);

/** @throws {ImgclsError} of kind `usage` when the object is not the manifest of an inventory that can be read. */
export async function readInventory(store: Store, key: string, signal?: AbortSignal): Promise<Inventory> {
  const address = `s3://${store.bucket}/${key}`;
  try {
    const { body } = await store.get(key, signal && { signal });
    await checkManifest(store, key, { md5: hash('md5', body), signal });
    const found = manifest.safeParse(parseJson(Buffer.from(body).toString(), address), { jitless: true });
    if (!found.success) throw new PoisonError(`it has the wrong format: ${firstIssue(found.error)}.`);
    const { sourceBucket, creationTimestamp, fileFormat, fileSchema, files } = found.data;
    if (fileFormat !== 'CSV' && fileFormat !== 'Parquet')
      throw new PoisonError(`its files are ${fileFormat}, and imgcls reads CSV and Parquet.`);
    // The schema of Parquet has words like `optional int64 size;`.
    const columns: string[] = fileSchema.match(/\w+/g) ?? [];
    const lacks = NEEDED_COLUMNS[fileFormat].filter((name) => !columns.includes(name));
    if (lacks.length > 0)
      throw new PoisonError(
        `it lacks ${lacks.join(' and ')}. Add the fields Size and ETag to the inventory configuration of the bucket.`,
      );
    return {
      sourceBucket,
      createdAtMs: Number(creationTimestamp),
      format: fileFormat,
      columns,
      files: files.map((file) => ({ key: file.key, md5: file.MD5checksum })),
    };
  } catch (cause) {
    if (!(cause instanceof PoisonError || cause instanceof ObjectMissingError)) throw cause;
    throw new ImgclsError('usage', `Cannot use ${address} as an S3 Inventory: ${messageOf(cause)}`, {
      hint: 'Pass the manifest.json of an inventory in CSV or Parquet, in the folder that is named by a date.',
      cause,
    });
  }
}

/** S3 writes the checksum beside the manifest. Other servers do not. */
async function checkManifest(
  store: Store,
  key: string,
  { md5, signal }: { md5: string; signal: AbortSignal | undefined },
): Promise<void> {
  const checksumKey = key.replace(MANIFEST, '$1manifest.checksum');
  if ((await store.head(checksumKey, signal)) === undefined) return;
  const { body } = await store.get(checksumKey, signal && { signal });
  if (Buffer.from(body).toString().trim().toLowerCase() !== md5)
    throw new PoisonError('it does not match manifest.checksum.');
}

/**
 * The objects of an inventory, file by file, without older versions and delete markers. A file is read twice: its
 * checksum is compared first.
 * @param store the bucket of the manifest.
 * @throws {ImgclsError} of kind `permanent` when a file is not as the manifest says.
 */
export async function* readInventoryObjects(
  store: Store,
  { files, format, columns }: Inventory,
  tools: ReadTools,
): AsyncGenerator<InventoryObject> {
  for (const { key, md5 } of files) {
    try {
      const file = await PinnedObject.open(store, key, tools);
      if ((await file.md5()) !== md5.toLowerCase())
        throw new PoisonError('Its MD5 is not the one in the manifest.');
      const objects =
        format === 'CSV'
          ? readCsv(file, columns)
          : (await import('./inventory-parquet.ts')).readParquet(file);
      for await (const object of objects) {
        if (object.etag === '' || !Number.isInteger(object.bytes))
          throw new PoisonError('An object lacks its ETag or size.');
        // As in a listing.
        yield { ...object, etag: `"${object.etag}"` };
      }
    } catch (cause) {
      if (!(cause instanceof PoisonError || cause instanceof ObjectMissingError)) throw cause;
      throw new ImgclsError('permanent', `Cannot read s3://${store.bucket}/${key}: ${messageOf(cause)}`, {
        hint: 'Use another inventory of the bucket.',
        cause,
      });
    }
  }
}
