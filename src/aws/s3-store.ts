/** The Store port over one S3 bucket. */
import type { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type {
  Body,
  ByteRange,
  GetOptions,
  ListedObject,
  ObjectInfo,
  PutOptions,
  Store,
} from '../core/cloud/ports.ts';
import {
  ImgclsError,
  isTransient,
  ObjectDamagedError,
  ObjectMissingError,
  PoisonError,
  PreconditionFailedError,
} from '../core/runtime/errors.ts';
import { hasCode, noSuchBucket } from './errors.ts';
import { calling, retrying, systemTiming, type Timing } from './retry.ts';
import { incomingStream } from './s3-body.ts';
import { causeOf, hasStatus, infoOf, keyIn, type S3Bucket, uriOf } from './s3-bucket.ts';
import { deleteObjects } from './s3-delete.ts';
import { putObject } from './s3-put.ts';

/**
 * Opens a bucket that the client's credentials can reach: the cluster's, or one whose images are read in place.
 * The identity needs s3:ListBucket too: without it S3 answers "access denied" for missing objects.
 */
export function createS3Store(client: S3Client, bucket: string, timing: Timing = systemTiming): Store {
  return new S3Store({ client, name: bucket, timing });
}

/**
 * The largest object that `get` reads into memory. Objects of the cluster have a few megabytes. A larger object in their
 * place must not let a process with more rights run out of memory.
 */
const MAX_WHOLE_BYTES = 64 * 1024 * 1024;

class S3Store implements Store {
  readonly bucket: string;
  readonly #at: S3Bucket;
  /** S3 answers HEAD alike for a missing object and a missing bucket: the first time, look the bucket up too. */
  #bucketSeen = false;

  constructor(at: S3Bucket) {
    this.bucket = at.name;
    this.#at = at;
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    try {
      const response = await calling(`look up ${uriOf(this.#at, key)}`, signal, (options) =>
        this.#at.client.send(
          new HeadObjectCommand({ Bucket: this.bucket, Key: key, ChecksumMode: 'ENABLED' }),
          options,
        ),
      );
      this.#bucketSeen = true;
      return {
        ...infoOf(this.#at, response),
        ...digestOf(response.ChecksumSHA256),
        ...expiryOf(response.Expiration),
      };
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      await this.#requireBucket(signal);
      return undefined;
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<{ info: ObjectInfo; body: Uint8Array }> {
    const { signal } = options;
    // The SDK retries until a response begins. A body that breaks half way is read again here.
    let hasResponse = false;
    const mayRetry = (error: unknown): boolean => hasResponse && isTransient(error);
    return await retrying(this.#at.timing, signal, mayRetry, async () => {
      hasResponse = false;
      const { info, body } = await this.#get(key, options);
      if (info.bytes > MAX_WHOLE_BYTES) {
        (body as Readable).destroy();
        throw new PoisonError(
          `${uriOf(this.#at, key)} has ${info.bytes} bytes. imgcls reads at most ${MAX_WHOLE_BYTES}.`,
        );
      }
      hasResponse = true;
      const bytes = await calling(`read ${uriOf(this.#at, key)}`, signal, () => body.transformToByteArray());
      return { info, body: bytes };
    });
  }

  async getStream(
    key: string,
    options: GetOptions & { range?: ByteRange } = {},
  ): Promise<{ info: ObjectInfo; body: Readable }> {
    const { info, body } = await this.#get(key, options);
    return { info, body: incomingStream(body as Readable, `read ${uriOf(this.#at, key)}`) };
  }

  put(key: string, body: Body, options: PutOptions = {}): Promise<ObjectInfo> {
    return putObject(this.#at, key, body, options);
  }

  async refresh(key: string, signal?: AbortSignal): Promise<void> {
    await this.#withPortErrors(key, () =>
      calling(`refresh ${uriOf(this.#at, key)}`, signal, (options) =>
        this.#at.client.send(
          new CopyObjectCommand({
            Bucket: this.bucket,
            Key: key,
            CopySource: [this.bucket, ...key.split('/')].map(encodeURIComponent).join('/'),
            // S3 refuses a copy onto itself without a change; replaced metadata count as a change.
            MetadataDirective: 'REPLACE',
          }),
          options,
        ),
      ),
    );
  }

  delete(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    return deleteObjects(this.#at, keys, signal);
  }

  async *list(
    prefix: string,
    { startAfter, signal }: { startAfter?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<ListedObject> {
    for await (const page of this.#pages(
      prefix,
      startAfter === undefined ? {} : { StartAfter: startAfter },
      signal,
    )) {
      for (const { Key = '', ETag, Size, LastModified } of page.Contents ?? []) {
        const info = infoOf(this.#at, { ETag, ContentLength: Size, LastModified });
        yield { key: keyIn(page, Key), ...info };
      }
    }
  }

  async *listFolders(prefix: string, signal?: AbortSignal): AsyncGenerator<string> {
    for await (const page of this.#pages(prefix, { Delimiter: '/' }, signal)) {
      for (const { Prefix = '' } of page.CommonPrefixes ?? [])
        yield keyIn(page, Prefix).slice(prefix.length, -1);
    }
  }

  async *#pages(
    prefix: string,
    options: { StartAfter?: string; Delimiter?: string },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ListObjectsV2CommandOutput> {
    for (let from: { ContinuationToken?: string } | undefined = {}; from !== undefined; ) {
      const page = await this.#page(prefix, { ...options, ...from }, signal);
      yield page;
      const token: string | undefined = page.NextContinuationToken;
      from = token === undefined ? undefined : { ContinuationToken: token };
    }
  }

  async #page(
    prefix: string,
    from: { StartAfter?: string; ContinuationToken?: string; Delimiter?: string },
    signal: AbortSignal | undefined,
  ): Promise<ListObjectsV2CommandOutput> {
    // Keys of other programs may contain characters that XML cannot, hence the encoding.
    const command = new ListObjectsV2Command({
      Bucket: this.bucket,
      Prefix: prefix,
      EncodingType: 'url',
      ...from,
    });
    const page = await calling(`list ${uriOf(this.#at, prefix)}`, signal, (options) =>
      this.#at.client.send(command, options),
    );
    this.#bucketSeen = true;
    return page;
  }

  async #get(key: string, { ifMatch, range, signal }: GetOptions & { range?: ByteRange }) {
    const command = new GetObjectCommand({
      Bucket: this.bucket,
      Key: key,
      ...(ifMatch === undefined ? {} : { IfMatch: quoted(ifMatch) }),
      ...(range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
    });
    const response = await this.#withPortErrors(key, () =>
      calling(`read ${uriOf(this.#at, key)}`, signal, (options) => this.#at.client.send(command, options)),
    );
    this.#bucketSeen = true;
    const { Body: body } = response;
    if (body === undefined) {
      throw new ImgclsError('transient', `S3's response for ${uriOf(this.#at, key)} has no content.`);
    }
    return { info: infoOf(this.#at, response), body };
  }

  /** Turns "no such key", "precondition failed" and "range not satisfiable" into errors of the port. */
  async #withPortErrors<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const cause = causeOf(error);
      if (hasCode(cause, 'NoSuchKey')) throw new ObjectMissingError(this.bucket, key, cause);
      if (hasStatus(error, 412)) throw new PreconditionFailedError(this.bucket, key, cause);
      if (hasStatus(error, 416)) throw new ObjectDamagedError(this.bucket, key, 'it is too short');
      throw error;
    }
  }

  async #requireBucket(signal?: AbortSignal): Promise<void> {
    if (this.#bucketSeen) return;
    try {
      await calling(`reach bucket ${this.bucket}`, signal, (options) =>
        this.#at.client.send(new HeadBucketCommand({ Bucket: this.bucket }), options),
      );
    } catch (error) {
      throw hasStatus(error, 404) ? noSuchBucket(this.bucket, error) : error;
    }
    this.#bucketSeen = true;
  }
}

/** For an object that was uploaded in parts S3 has a digest of the parts' digests, with their number at its end. */
function digestOf(checksum: string | undefined): { sha256?: string } {
  const isWhole = checksum !== undefined && /^[A-Za-z0-9+/]{43}=$/.test(checksum);
  return isWhole ? { sha256: Buffer.from(checksum, 'base64').toString('hex') } : {};
}

/** S3 names the lifecycle rule that will delete the object: `expiry-date="Fri, 04 Dec 2026 00:00:00 GMT", rule-id="..."`. */
function expiryOf(expiration = ''): { expiresAtMs?: number } {
  const expiresAtMs = Date.parse(/expiry-date="([^"]+)"/.exec(expiration)?.[1] ?? '');
  return Number.isNaN(expiresAtMs) ? {} : { expiresAtMs };
}

/** In S3's notifications an ETag lacks the quotes that HTTP requires. */
const quoted = (etag: string): string => (etag.startsWith('"') ? etag : `"${etag}"`);
