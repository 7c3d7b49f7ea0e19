/** A queue of the embedded cloud: splits calls into short transactions, and waits for messages. */
import type {
  OutgoingMessage,
  Queue,
  QueueDepth,
  ReceivedMessage,
  ReceiveOptions,
} from '../core/cloud/ports.ts';
import { either } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { Changes } from './changes.ts';
import type { LocalDatabase } from './database.ts';
import type { LeaseClock } from './lease-clock.ts';
import { type LeaseHolders, LOOK_EVERY_MS } from './lease-holders.ts';
import { nextDueMs, receiveReady } from './queue-receive.ts';
import { countMessages, deleteMessages, extendLeases, insertMessages } from './queue-verbs.ts';

/** Entries of one transaction, which takes about a millisecond. */
const ENTRIES = 100;
/** The limit that every SQS endpoint accepts. */
const MAX_BODY_BYTES = 262_144;
const MAX_RECEIVE = 10;
const MAX_WAIT_MS = 20_000;
const MAX_LEASE_MS = 43_200_000;

export interface QueueParts {
  db: LocalDatabase;
  changes: Changes;
  clock: Pick<Clock, 'nowMs'>;
  leaseClock: LeaseClock;
  holders: LeaseHolders;
}

export class LocalQueue implements Queue {
  readonly name: string;
  readonly #db: LocalDatabase;
  readonly #changes: Changes;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #leaseClock: LeaseClock;
  readonly #holders: LeaseHolders;

  constructor(name: string, { db, changes, clock, leaseClock, holders }: QueueParts) {
    this.name = name;
    this.#db = db;
    this.#changes = changes;
    this.#clock = clock;
    this.#leaseClock = leaseClock;
    this.#holders = holders;
  }

  async send(messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void> {
    for (const { body } of messages) {
      const bytes = Buffer.byteLength(body);
      if (bytes === 0 || bytes > MAX_BODY_BYTES) {
        throw new ImgclsError(
          'permanent',
          `Could not send a message of ${bytes} bytes to queue ${this.name}: messages have 1 to ${MAX_BODY_BYTES} bytes.`,
        );
      }
    }
    for (const part of parts(messages)) {
      signal?.throwIfAborted();
      await this.#db.write(() => insertMessages(this.#db, this.name, part, this.#times()));
      this.#changes.notify();
    }
  }

  async receive({ max, waitMs, leaseMs, ...ends }: ReceiveOptions): Promise<ReceivedMessage[]> {
    // Nothing is leased to a receive that has ended, so both signals end it at once.
    const signal = either(ends.signal, ends.stop);
    checkRange('max', max, 1, MAX_RECEIVE);
    checkRange('waitMs', waitMs, 0, MAX_WAIT_MS);
    checkRange('leaseMs', leaseMs, 0, MAX_LEASE_MS);
    const endAt = performance.now() + waitMs;
    while (signal?.aborted !== true) {
      await this.#holders.endLeasesOfEnded();
      const mark = this.#changes.mark();
      const dueInMs = (await this.#db.read(() => nextDueMs(this.#db, this.name))) - this.#leaseClock.nowMs();
      if (dueInMs <= 0) {
        const received = await this.#db.write(() =>
          // The caller may have aborted while the database was busy: a lease would only hide the message.
          signal?.aborted === true
            ? []
            : receiveReady(this.#db, this.name, {
                max,
                leaseMs,
                holder: this.#holders.own,
                ...this.#times(),
              }),
        );
        if (received.length > 0) return received;
      }
      const leftMs = endAt - performance.now();
      if (leftMs <= 0) break;
      // If another receiver took the ready messages, check at once whether there are more.
      if (dueInMs > 0) await this.#changes.wait(mark, Math.min(leftMs, dueInMs, LOOK_EVERY_MS), signal);
    }
    return [];
  }

  async extend(receipts: readonly string[], leaseMs: number): Promise<string[]> {
    checkRange('leaseMs', leaseMs, 0, MAX_LEASE_MS);
    const lost: string[] = [];
    for (const part of parts(receipts)) {
      const times = { leaseMs, nowMs: this.#leaseClock.nowMs() };
      lost.push(...(await this.#db.write(() => extendLeases(this.#db, this.name, part, times))));
    }
    if (leaseMs === 0 && receipts.length > 0) this.#changes.notify();
    return lost;
  }

  async delete(receipts: readonly string[]): Promise<string[]> {
    const lost: string[] = [];
    for (const part of parts(receipts)) {
      lost.push(...(await this.#db.write(() => deleteMessages(this.#db, this.name, part))));
    }
    return lost;
  }

  async depth(signal?: AbortSignal): Promise<QueueDepth> {
    signal?.throwIfAborted();
    return await this.#db.read(() => countMessages(this.#db, this.name, this.#leaseClock.nowMs()));
  }

  #times(): { nowMs: number; wallMs: number } {
    return { nowMs: this.#leaseClock.nowMs(), wallMs: this.#clock.nowMs() };
  }
}

function* parts<T>(entries: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < entries.length; at += ENTRIES) yield entries.slice(at, at + ENTRIES);
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new ImgclsError('usage', `${name} must be ${min} to ${max}, not ${value}.`);
}
