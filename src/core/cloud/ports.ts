import type { Readable } from 'node:stream';

/** What the store knows of an object without reading it. */
export interface ObjectInfo {
  /** Opaque; changes whenever the content changes. */
  etag: string;
  bytes: number;
  modifiedAtMs: number;
  /** In hex, where the store has held the content against it when it was put, and `head` was asked. */
  sha256?: string;
}

export interface ListedObject extends ObjectInfo {
  key: string;
}

/** Bytes at hand, or a stream of known length that can be opened again when a try fails. */
export type Body = Uint8Array | { bytes: number; open(): Readable };

export interface GetOptions {
  /** Only this version; else {@link PreconditionFailedError}. */
  ifMatch?: string;
  signal?: AbortSignal;
}

export interface PutOptions {
  /** `absent`: only where there is no object. `{ etag }`: only over this version. Else {@link PreconditionFailedError}. */
  only?: 'absent' | { etag: string };
  signal?: AbortSignal;
}

/**
 * One bucket, with S3's semantics: strongly consistent, whole objects, conditional writes, listing in key order
 * (UTF-8 byte order). Keys are at most 1,024 bytes. Faults of the world are ImgclsErrors of kind `transient` or `permanent`.
 * A call whose signal aborts rejects with the signal's reason.
 */
export interface Store {
  readonly bucket: string;
  /** Undefined when there is no such object. */
  head(key: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** @throws {ObjectMissingError} @throws {PreconditionFailedError} */
  get(key: string, options?: GetOptions): Promise<{ info: ObjectInfo; body: Uint8Array }>;
  /** @throws {ObjectMissingError} @throws {PreconditionFailedError} before the first byte. */
  getStream(key: string, options?: GetOptions): Promise<{ info: ObjectInfo; body: Readable }>;
  /**
   * Where the bytes lie in a file of this machine, for another process of it to read. Nobody ever changes the file; it goes
   * some time after its object. Undefined where they lie elsewhere; left out by stores that keep none in files.
   * @throws {ObjectMissingError}
   */
  fileOf?(key: string, signal?: AbortSignal): Promise<{ path: string; bytes: number } | undefined>;
  /**
   * All or nothing: no reader ever sees a part. An error of the body's own stream is passed on as it is.
   * @throws {PreconditionFailedError} also where the version to replace is gone.
   */
  put(key: string, body: Body, options?: PutOptions): Promise<ObjectInfo>;
  /** Makes the object as new, so that the bucket's expiry starts afresh. @throws {ObjectMissingError} */
  refresh(key: string, signal?: AbortSignal): Promise<void>;
  /** Objects that are not there count as deleted. */
  delete(keys: readonly string[], signal?: AbortSignal): Promise<void>;
  /** In key order, after `startAfter`; reads page by page as it is consumed. */
  list(prefix: string, options?: { startAfter?: string; signal?: AbortSignal }): AsyncIterable<ListedObject>;
  /** What stands between the prefix and the next slash in the keys below it, each once, in key order: the folders there. */
  listFolders(prefix: string, signal?: AbortSignal): AsyncIterable<string>;
}

/** A request that its holder may make for a while, with these headers and a body of as many bytes as were asked for. */
export interface UploadRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** When it must have begun. */
  expiresAtMs: number;
}

/** Lets whoever has no credentials put image bytes straight into the input bucket. */
export interface UploadUrls {
  /**
   * A PUT that stores the content of this digest and length under its key, and no other: the bucket refuses other bytes,
   * and it refuses them all where something is there already (412).
   * @throws {ImgclsError} when there is nothing to sign it with.
   */
  sign(content: { sha256: string; bytes: number }): Promise<UploadRequest>;
  /** What all their addresses begin with: a page must be allowed to connect there, and nowhere else. */
  prefix(): Promise<string>;
}

export interface OutgoingMessage {
  /** 1 to 262,144 bytes. */
  body: string;
  /** Messages of one group are fair to those of others. Order is not promised. */
  groupId?: string;
  delayMs?: number;
}

export interface ReceivedMessage {
  id: string;
  /** Names this lease of the message; another receive has another. */
  receipt: string;
  body: string;
  groupId: string | undefined;
  /** 1 at the first receive. Approximate. */
  receiveCount: number;
  sentAtMs: number;
}

export interface ReceiveOptions {
  /** 1 to 10. */
  max: number;
  /** How long to wait for a first message, up to 20 s. */
  waitMs: number;
  /** How long the messages stay hidden from others, up to 12 h. */
  leaseMs: number;
  signal?: AbortSignal;
}

/** All counts are approximate: never decide from them that work is done. */
export interface QueueDepth {
  waiting: number;
  inFlight: number;
  delayed: number;
}

/**
 * SQS's semantics: at least once, unordered, leases. Every call takes any number of entries and splits them.
 * Leases, delays and waits may be rounded up to whole seconds.
 * All calls throw {@link QueueMissingError} when the queue is gone.
 */
export interface Queue {
  readonly name: string;
  /** Resolves when every message is in the queue. On failure some may be in it. */
  send(messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void>;
  /** Empty when nothing came in time or the signal aborted. */
  receive(options: ReceiveOptions): Promise<ReceivedMessage[]>;
  /** Extends leases to `leaseMs` from now; 0 gives the messages back. Answers the receipts whose lease was lost. */
  extend(receipts: readonly string[], leaseMs: number): Promise<string[]>;
  /** Acknowledges. Answers the receipts whose lease is known to be lost: those messages may come again. */
  delete(receipts: readonly string[]): Promise<string[]>;
  depth(signal?: AbortSignal): Promise<QueueDepth>;
}

export interface QueueSettings {
  /** Messages received so often without being deleted move to this queue (at the next receive). */
  deadLetter?: { queue: string; maxReceiveCount: number };
  retentionMs?: number;
}

export interface ListedQueue {
  name: string;
  createdAtMs: number;
}

export interface QueueService {
  /** No request is made; a queue that is not there shows at first use. */
  open(name: string): Queue;
  /** Does nothing where the queue is there already. */
  create(name: string, settings?: QueueSettings): Promise<Queue>;
  /** Does nothing where there is no such queue. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
  list(prefix: string): AsyncIterable<ListedQueue>;
}

/** One cluster's cloud, as the flows see it. */
export interface Cloud {
  readonly kind: 'local' | 'aws';
  readonly cluster: string;
  /** Image bytes. */
  readonly input: Store;
  /** Jobs, ledger, models, worker status, locks. */
  readonly output: Store;
  readonly queues: QueueService;
  /** A bucket by its name: ours, or one that is read in place. */
  bucket(name: string): Store;
  close(): Promise<void>;
}
