import { messageOf } from '../../core/runtime/errors.ts';
import type { StatusReporter } from '../lifecycle/status.ts';
import type { Stop } from '../lifecycle/stop.ts';
import type { HeldMessage } from '../messages/held-message.ts';
import { runInteractive } from '../messages/interactive.ts';
import type { MessageResult, MessageTools } from '../messages/message.ts';
import { MAX_WAIT_MS, type Service } from './intake.ts';

export interface InteractiveServiceOptions {
  tools: MessageTools;
  stop: Stop;
  status: Pick<StatusReporter, 'addInteractive'>;
}

/** One in the model, one being decoded, one on its way, one being answered; what is more is better off with another worker. */
const MAX_IN_HAND = 4;
const LOOK_AGAIN_MS = 60_000;

/** The interactive queue: a few messages at a time, and no trouble of its own is the worker's. */
export class InteractiveService implements Service {
  readonly #options: InteractiveServiceOptions;
  #hasFailed = false;

  constructor(options: InteractiveServiceOptions) {
    this.#options = options;
  }

  room(held: readonly HeldMessage[]): number {
    return MAX_IN_HAND - held.length;
  }

  waitMs(): number {
    return MAX_WAIT_MS;
  }

  async work(batch: HeldMessage): Promise<MessageResult> {
    const { tools, status } = this.#options;
    const end = await runInteractive(batch, tools);
    if (end.kind === 'done') status.addInteractive(end.written.length);
    return end;
  }

  onQuiet(): void {}

  /** A cluster that was deployed by an older imgcls has no such queue: the worker does batches all the same. */
  async onFailure(error: unknown): Promise<void> {
    const { tools, stop } = this.#options;
    if (!this.#hasFailed)
      tools.log.warn({ error: messageOf(error) }, 'Single images are not classified here.');
    this.#hasFailed = true;
    await tools.clock.sleep(LOOK_AGAIN_MS, stop.signal);
  }
}
