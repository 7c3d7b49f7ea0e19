import type { Readable } from 'node:stream';
import type { KnownProcesses } from '../runtime/located-process.ts';
import type { SearchIndex } from './search-index.ts';

/** Maximum length of a key. */
export const MAX_KEY_BYTES = 1_024;

/** Facts about an object that need no read of its content. */
export interface ObjectInfo {
  /** Opaque; changes whenever the content changes. */
  etag: string;
  bytes: number;
  modifiedAtMs: number;
  /** In hex. Only from `head`, and only where the store checked it when the object was put. */
  sha256?: string;
  /** When a rule of the bucket deletes it. Only from `head`, and only where the store says so. */
  expiresAtMs?: number;
}

export interface ListedObject extends ObjectInfo {
  key: string;
}

/** Bytes in memory, or a stream of known length that can be opened again for a retry. */
export type Body = Uint8Array | { bytes: number; open(): Readable };

/** Bytes of an object. The offset is in the object, or the object is damaged. */
export interface ByteRange {
  offset: number;
  length: number;
}

export interface GetOptions {
  /** Read only this version. Another version is a {@link PreconditionFailedError}. */
  ifMatch?: string;
  signal?: AbortSignal;
}

/** What decides an image's labels besides its bytes. */
export interface ClassifiedBy {
  /** Digest of weights, recipe, class labels and the version of imgcls, which decodes. */
  classifier: string;
  topK: number;
}

/** Images of which an object has predictions. */
export interface Predictions {
  by: ClassifiedBy;
  images: readonly { sha256: string; line: number }[];
}

export interface PutOptions {
  /** The job that needs the object; see {@link Cloud.forget}. */
  forJob?: string;
  /** `absent`: write only if there is no object. `{ etag }`: replace only this version. Else {@link PreconditionFailedError}. */
  only?: 'absent' | { etag: string };
  /** For {@link Cloud.known}: digests and places, which are deleted together with the object. */
  predictions?: Predictions | undefined;
  signal?: AbortSignal;
}

/**
 * One bucket, with S3's semantics: strongly consistent, whole objects, conditional writes, listing in key order
 * (UTF-8 byte order). Keys are at most 1,024 bytes. Errors are ImgclsErrors of kind `transient` or `permanent`.
 * A call whose signal aborts rejects with the signal's reason.
 */
export interface Store {
  readonly bucket: string;
  /** @returns undefined if there is no such object. */
  head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** @throws {ObjectMissingError} @throws {PreconditionFailedError} */
  get(key: string, options?: GetOptions): Promise<{ info: ObjectInfo; body: Uint8Array }>;
  /**
   * @param options.range reads only these bytes, or those of them that the object has. Their number is `info.bytes`.
   * @throws {ObjectMissingError} @throws {PreconditionFailedError} before the first byte.
   * @throws {ObjectDamagedError} if the object has none of the bytes of the range.
   */
  getStream(
    key: string,
    options?: GetOptions & { range?: ByteRange },
  ): Promise<{ info: ObjectInfo; body: Readable }>;
  /**
   * The file of this machine that holds the bytes, for another process to read. Its reader checks the sha256: the file may
   * be deleted, and one that is read in place may change. Undefined if the bytes are not in a file. Stores without files do
   * not have this method.
   * @param options.etag the version that the caller expects. A store that knows its length from that does not look.
   * @throws {ObjectMissingError}
   */
  fileOf?(
    key: string,
    options?: { etag?: string | undefined; signal?: AbortSignal },
  ): Promise<{ path: string; bytes: number } | undefined>;
  /**
   * Atomic: no reader ever sees a part. An error of the body's stream is thrown unchanged.
   * @throws {PreconditionFailedError} also when the version to replace is gone.
   */
  put(key: string, body: Body, options?: PutOptions): Promise<ObjectInfo>;
  /** Sets the object's age to 0, so that the bucket's expiry starts again. @throws {ObjectMissingError} */
  refresh(key: string, signal?: AbortSignal): Promise<void>;
  /**
   * Records that another job needs the object; see {@link Cloud.forget}. Only clouds that can forget a job have it.
   * @returns false if there is no such object.
   */
  keepFor?(key: string, job: string, signal?: AbortSignal): Promise<boolean>;
  /** Missing objects count as deleted. */
  delete(keys: readonly string[], signal?: AbortSignal): Promise<void>;
  /** In key order, after `startAfter`. Reads page by page as it is consumed. */
  list(prefix: string, options?: { startAfter?: string; signal?: AbortSignal }): AsyncIterable<ListedObject>;
  /** The folders below the prefix, in key order: the parts of keys between the prefix and the next slash. */
  listFolders(prefix: string, signal?: AbortSignal): AsyncIterable<string>;
}

/** A signed request that its holder may send until it expires, with these headers and a body of the signed length. */
export interface SignedUpload {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The request must begin before this. */
  expiresAtMs: number;
}

/** Lets clients without credentials put image bytes directly into the input bucket. */
export interface UploadUrls {
  /**
   * A PUT that stores only the content of this digest and length, under its key. The bucket refuses other bytes, and it
   * answers 412 if the object exists.
   * @throws {ImgclsError} when there are no credentials to sign it with.
   */
  sign(content: { sha256: string; bytes: number }): Promise<SignedUpload>;
  /** What all the URLs begin with: the page's security policy allows connections there and nowhere else. */
  prefix(): Promise<string>;
}

export interface OutgoingMessage {
  /** 1 to 262,144 bytes. */
  body: string;
  /** Messages of one group do not delay those of others (fair queues). Order is not guaranteed. */
  groupId?: string;
  /** Turns of its group that the message takes, where the queue counts them (default 1). A large message takes more. */
  turns?: number;
  delayMs?: number;
}

export interface ReceivedMessage {
  id: string;
  /** Identifies this lease of the message. Each receive has its own. */
  receipt: string;
  body: string;
  groupId: string | undefined;
  /** 1 at the first receive. Approximate. */
  receiveCount: number;
  sentAtMs: number;
  /** Time from its send to this receive or, on SQS, to its first one. By the queue's own clock. Approximate. */
  waitedMs: number;
}

export interface ReceiveOptions {
  /** 1 to 10. */
  max: number;
  /** How long to wait for the first message, up to 20 s. */
  waitMs: number;
  /** Lease of the messages, up to 12 h. */
  leaseMs: number;
  /** Ends the wait at once. SQS may lease the next message to a call that was ended so, which hides it for `leaseMs`. */
  signal?: AbortSignal;
  /**
   * Ends the wait as soon as that hides no message, on SQS after 5 s at most. May still return messages. For queues that
   * others receive from too.
   */
  stop?: AbortSignal;
}

/** All counts are approximate. Never conclude from them that work is done. */
export interface QueueDepth {
  waiting: number;
  inFlight: number;
  delayed: number;
}

/**
 * A queue with SQS's semantics: delivery at least once, unordered, with leases. Every call takes any number of entries and
 * splits them into batches. Leases, delays and waits may be rounded up to whole seconds.
 * All calls throw {@link QueueMissingError} when the queue does not exist.
 */
export interface Queue {
  readonly name: string;
  /** Resolves when every message is in the queue. After an error some may be in it. */
  send(messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void>;
  /** Empty if no message arrived in time or a signal aborted. */
  receive(options: ReceiveOptions): Promise<ReceivedMessage[]>;
  /** Extends leases to `leaseMs` from now; 0 releases the messages. @returns the receipts whose lease was lost. */
  extend(receipts: readonly string[], leaseMs: number): Promise<string[]>;
  /** Acknowledges messages. @returns the receipts whose lease is known to be lost: those messages may be redelivered. */
  delete(receipts: readonly string[]): Promise<string[]>;
  depth(signal?: AbortSignal): Promise<QueueDepth>;
}

export interface QueueSettings {
  /** Messages received this often without being acknowledged move to this queue, at the next receive. */
  deadLetter?: { queue: string; maxReceiveCount: number };
  retentionMs?: number;
}

export interface ListedQueue {
  name: string;
  createdAtMs: number;
}

export interface QueueService {
  /** Sends no request. A missing queue is an error at first use. */
  open(name: string): Queue;
  /** Does nothing if the queue exists. */
  create(name: string, settings?: QueueSettings): Promise<Queue>;
  /** Does nothing if the queue does not exist. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
  list(prefix: string): AsyncIterable<ListedQueue>;
}

/** The line of an object that has the prediction of an image. */
export interface KnownPlace {
  key: string;
  etag: string;
  line: number;
}

/** Finds images whose predictions are in objects ({@link PutOptions.predictions}), by their content. */
export interface KnownImages {
  /** False if `find` would find none. */
  hasAny(by: ClassifiedBy, signal?: AbortSignal): Promise<boolean>;
  /**
   * The newest place of each image (sha256 in hex), with at least so many labels; undefined for an unknown image. The object
   * may be deleted or replaced meanwhile.
   */
  find(
    images: readonly string[],
    by: ClassifiedBy,
    signal?: AbortSignal,
  ): Promise<(KnownPlace | undefined)[]>;
}

/** The cloud of one cluster. */
export interface Cloud {
  readonly kind: 'local' | 'aws';
  readonly cluster: string;
  /** Image bytes. */
  readonly input: Store;
  /** Jobs, ledger, models, worker status, locks. */
  readonly output: Store;
  readonly queues: QueueService;
  /** Absent where a lookup costs more than it saves: on S3. */
  readonly known?: KnownImages | undefined;
  /** Absent on S3, where the ledger is read by other tools (docs/query.md). */
  readonly search?: SearchIndex | undefined;
  /** The processes of the cluster, where all of them may share this machine. */
  readonly processes?: KnownProcesses | undefined;
  /** A bucket by its name: one of the cluster, or another one that images are read from. */
  bucket(name: string): Store;
  /**
   * Deletes the objects that only this job needs, and its messages in all queues, and overwrites their bytes. Buckets with
   * a lifecycle rule delete objects by age instead and do not have this method.
   * @returns how many objects were deleted, and their bytes.
   */
  forget?(job: string, signal?: AbortSignal): Promise<{ objects: number; bytes: number }>;
  close(): Promise<void>;
}
