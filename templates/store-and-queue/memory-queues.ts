/** The queues of a cluster in memory. */
import type {
  ListedQueue,
  OutgoingMessage,
  Queue,
  QueueDepth,
  QueueService,
  QueueSettings,
  ReceivedMessage,
  ReceiveOptions,
} from '../../src/core/cloud/ports.ts';
import { QueueMissingError } from '../../src/core/runtime/errors.ts';
import { MemoryQueue } from './memory-queue.ts';

export interface MemoryClock {
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
}

export class MemoryQueues implements QueueService {
  readonly #clock: MemoryClock;
  readonly #queues = new Map<string, MemoryQueue>();

  constructor(clock: MemoryClock) {
    this.#clock = clock;
  }

  open(name: string): Queue {
    return new OpenedQueue(name, () => this.#require(name));
  }

  async create(name: string, settings: QueueSettings = {}): Promise<Queue> {
    const moveTo = (queue: string, messages: readonly OutgoingMessage[]) =>
      this.#queues.get(queue)?.add(messages);
    const options = { ...this.#clock, settings, createdAtMs: this.#clock.nowMs(), moveTo };
    if (!this.#queues.has(name)) this.#queues.set(name, new MemoryQueue(name, options));
    return this.open(name);
  }

  async remove(name: string): Promise<void> {
    this.#queues.get(name)?.remove();
    this.#queues.delete(name);
  }

  async *list(prefix: string): AsyncGenerator<ListedQueue> {
    for (const { name, createdAtMs } of this.#queues.values())
      if (name.startsWith(prefix)) yield { name, createdAtMs };
  }

  #require(name: string): MemoryQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new QueueMissingError(name);
    return queue;
  }
}

/** Finds its queue at each call: it may be created or removed meanwhile. */
class OpenedQueue implements Queue {
  readonly name: string;
  readonly #queue: () => MemoryQueue;

  constructor(name: string, queue: () => MemoryQueue) {
    this.name = name;
    this.#queue = queue;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.#queue().send(messages);
  }
  async receive(options: ReceiveOptions): Promise<ReceivedMessage[]> {
    return await this.#queue().receive(options);
  }
  async extend(receipts: readonly string[], leaseMs: number): Promise<string[]> {
    return await this.#queue().extend(receipts, leaseMs);
  }
  async delete(receipts: readonly string[]): Promise<string[]> {
    return await this.#queue().delete(receipts);
  }
  async depth(): Promise<QueueDepth> {
    return await this.#queue().depth();
  }
}
