import { messageOf } from '../../core/runtime/errors.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import {
  handleMessage,
  type MessageHandler,
  type MessageResult,
  type MessageTools,
} from '../messages/handle-message.ts';
import type { HeldMessage } from '../messages/held-message.ts';
import { interactiveHandler } from '../messages/interactive.ts';
import { MAX_WAIT_MS, ONCE_WAIT_MS, type Service } from './intake.ts';

export interface InteractiveServiceOptions {
  tools: MessageTools;
  stop: Stop;
  status: Pick<StatusReporter, 'addInteractive'>;
  /** The worker ends when the request queue is empty. */
  once: boolean;
}

/** One each in decode, in the model, downloading and being answered. Another worker would serve any further one sooner. */
export const INTERACTIVE_HELD = 4;
const RETRY_RECEIVE_MS = 60_000;

/** The interactive queue: a few messages at a time. Its receive errors do not end the worker. */
export class InteractiveService implements Service {
  readonly #options: InteractiveServiceOptions;
  readonly #handler: MessageHandler;
  #hasFailed = false;

  constructor(options: InteractiveServiceOptions) {
    this.#options = options;
    this.#handler = interactiveHandler(options.tools);
  }

  room(held: readonly HeldMessage[]): number {
    return INTERACTIVE_HELD - held.length;
  }

  waitMs(): number {
    return this.#options.once ? ONCE_WAIT_MS : MAX_WAIT_MS;
  }

  async work(held: HeldMessage): Promise<MessageResult> {
    const { tools, status } = this.#options;
    const result = await handleMessage(held, this.#handler, tools);
    if (result.kind === 'done') status.addInteractive(result.written.length);
    return result;
  }

  onEmptyReceive(): void {}

  /** A cluster that an older imgcls deployed has no interactive queue: the worker serves the request queue only. */
  async onReceiveError(error: unknown): Promise<void> {
    const { tools, stop } = this.#options;
    if (!this.#hasFailed)
      tools.log.warn({ error: messageOf(error) }, 'Interactive queue unavailable; serving batches only.');
    this.#hasFailed = true;
    await tools.clock.sleep(RETRY_RECEIVE_MS, stop.signal);
  }
}
