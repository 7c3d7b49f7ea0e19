/** One queue in memory, with SQS's semantics: delivery at least once, with leases. */
import type {
  OutgoingMessage,
  Queue,
  QueueDepth,
  QueueSettings,
  ReceivedMessage,
  ReceiveOptions,
} from '../../src/core/cloud/ports.ts';
import { QueueMissingError } from '../../src/core/runtime/errors.ts';

interface StoredMessage {
  id: string;
  body: string;
  groupId: string | undefined;
  sentAtMs: number;
  /** Delayed or leased until then. */
  hiddenUntilMs: number;
  receiveCount: number;
  /** Of the present lease. Undefined: never received. */
  receipt: string | undefined;
}

/** Between two looks of a receive that waits. */
const LOOK_MS = 10;

export interface MemoryQueueOptions {
  settings: QueueSettings;
  createdAtMs: number;
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
  /** Where messages go that were received too often. */
  moveTo(queue: string, messages: readonly OutgoingMessage[]): void;
}

export class MemoryQueue implements Queue {
  readonly name: string;
  readonly createdAtMs: number;
  readonly #options: MemoryQueueOptions;
  #messages: StoredMessage[] = [];
  #isRemoved = false;
  #last = 0;

  constructor(name: string, options: MemoryQueueOptions) {
    this.name = name;
    this.createdAtMs = options.createdAtMs;
    this.#options = options;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    this.#check();
    this.add(messages);
  }

  add(messages: readonly OutgoingMessage[]): void {
    const sentAtMs = this.#options.nowMs();
    for (const { body, groupId, delayMs = 0 } of messages) {
      const times = { sentAtMs, hiddenUntilMs: sentAtMs + delayMs };
      this.#messages.push({ id: this.#next(), body, groupId, ...times, receiveCount: 0, receipt: undefined });
    }
  }

  async receive({ max, waitMs, leaseMs, signal, stop }: ReceiveOptions): Promise<ReceivedMessage[]> {
    const { nowMs, sleep } = this.#options;
    const untilMs = nowMs() + waitMs;
    for (;;) {
      this.#check();
      if (signal?.aborted === true || stop?.aborted === true) return [];
      const received = this.#lease(max, leaseMs);
      if (received.length > 0 || nowMs() >= untilMs) return received;
      await sleep(LOOK_MS);
    }
  }

  async extend(receipts: readonly string[], leaseMs: number): Promise<string[]> {
    this.#check();
    const untilMs = this.#options.nowMs() + leaseMs;
    return receipts.filter((receipt) => {
      const message = this.#leased(receipt);
      if (message !== undefined) message.hiddenUntilMs = untilMs;
      return message === undefined;
    });
  }

  async delete(receipts: readonly string[]): Promise<string[]> {
    this.#check();
    return receipts.filter((receipt) => {
      const message = this.#leased(receipt);
      if (message !== undefined) this.#messages.splice(this.#messages.indexOf(message), 1);
      return message === undefined;
    });
  }

  async depth(): Promise<QueueDepth> {
    this.#check();
    const nowMs = this.#options.nowMs();
    const hidden = this.#messages.filter(({ hiddenUntilMs }) => hiddenUntilMs > nowMs);
    const delayed = hidden.filter(({ receipt }) => receipt === undefined).length;
    return { waiting: this.#messages.length - hidden.length, inFlight: hidden.length - delayed, delayed };
  }

  remove(): void {
    this.#isRemoved = true;
    this.#messages = [];
  }

  #lease(max: number, leaseMs: number): ReceivedMessage[] {
    const nowMs = this.#options.nowMs();
    this.#moveDeadLetters(nowMs);
    return this.#messages
      .filter(({ hiddenUntilMs }) => hiddenUntilMs <= nowMs)
      .slice(0, max)
      .map((message) => {
        const receipt = this.#next();
        Object.assign(message, { hiddenUntilMs: nowMs + leaseMs, receipt });
        message.receiveCount++;
        const { id, body, groupId, receiveCount, sentAtMs } = message;
        return { id, receipt, body, groupId, receiveCount, sentAtMs, waitedMs: nowMs - sentAtMs };
      });
  }

  /** Messages that were received as often as allowed, at the next receive. */
  #moveDeadLetters(nowMs: number): void {
    const { settings, moveTo } = this.#options;
    const { deadLetter } = settings;
    if (deadLetter === undefined) return;
    const isDead = ({ receiveCount, hiddenUntilMs }: StoredMessage) =>
      receiveCount >= deadLetter.maxReceiveCount && hiddenUntilMs <= nowMs;
    const dead = this.#messages.filter(isDead);
    this.#messages = this.#messages.filter((message) => !isDead(message));
    moveTo(
      deadLetter.queue,
      dead.map(({ body, groupId }) => ({ body, ...(groupId !== undefined && { groupId }) })),
    );
  }

  #leased(receipt: string): StoredMessage | undefined {
    return this.#messages.find((message) => message.receipt === receipt);
  }

  #next(): string {
    return `${this.name}-${++this.#last}`;
  }

  #check(): void {
    if (this.#isRemoved) throw new QueueMissingError(this.name);
  }
}
