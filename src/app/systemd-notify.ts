// Reports the state of this process to systemd (sd_notify). It runs systemd's own program, as Node has no Unix datagram
// sockets.

import { messageOf } from '../core/runtime/errors.ts';
import { systemClock } from './system-clock.ts';

/** Does nothing where the process does not run under systemd. */
export interface ServiceNotifier {
  /**
   * The process has started.
   * @param stalled names the loops that have stalled. While there are any, the watchdog gets no heartbeat.
   */
  ready(status: string, stalled: () => readonly string[]): void;
  /** The process is about to end. */
  stopping(status: string): void;
  /** Resolves when all notifications are sent. */
  close(): Promise<void>;
}

const SEND_TIMEOUT_MS = 5000;

/**
 * Reads systemd's environment variables and removes them, so that child processes do not notify in our name.
 * @param warn receives failures to notify systemd.
 */
export function openSystemdNotifier(env: NodeJS.ProcessEnv, warn: (text: string) => void): ServiceNotifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watchdogPid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (socket === undefined || socket === '') return SILENT;
  const isWatched = watchdogPid === undefined || Number(watchdogPid) === process.pid;
  const watchdogMs = isWatched ? Number(watchdogUs ?? 0) / 1000 : 0;
  return new SystemdNotifier(socket, watchdogMs, warn);
}

const SILENT: ServiceNotifier = { ready() {}, stopping() {}, async close() {} };

class SystemdNotifier implements ServiceNotifier {
  readonly #socket: string;
  readonly #watchdogMs: number;
  readonly #warn: (text: string) => void;
  readonly #closing = new AbortController();
  /** Notifications are sent one at a time to keep their order. */
  #sent: Promise<void> = Promise.resolve();
  #heartbeat: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** @param watchdogMs the watchdog's timeout; 0 where there is no watchdog. */
  constructor(socket: string, watchdogMs: number, warn: (text: string) => void) {
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
    this.#warn = warn;
  }

  ready(status: string, stalled: () => readonly string[]): void {
    this.#send('READY=1', `STATUS=${status}`);
    if (this.#watchdogMs > 0) this.#heartbeat = this.#sendHeartbeats(stalled);
  }

  stopping(status: string): void {
    this.#send('STOPPING=1', `STATUS=${status}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#heartbeat;
    await this.#sent;
  }

  async #sendHeartbeats(stalled: () => readonly string[]): Promise<void> {
    const { signal } = this.#closing;
    let hasStalled = false;
    while (!signal.aborted) {
      const loops = stalled();
      if (loops.length === 0) this.#send('WATCHDOG=1');
      else if (!hasStalled)
        this.#warn(`Stalled: ${loops.join(', ')}. The systemd watchdog will end this process.`);
      hasStalled = loops.length > 0;
      await systemClock.sleep(this.#watchdogMs / 2, signal);
    }
  }

  #send(...assignments: string[]): void {
    this.#sent = this.#sent.then(() => this.#run(assignments));
  }

  async #run(assignments: string[]): Promise<void> {
    // Loaded on first use: a command that does not run under systemd starts without it.
    const [{ execFile }, { promisify }] = await Promise.all([
      import('node:child_process'),
      import('node:util'),
    ]);
    try {
      await promisify(execFile)('systemd-notify', assignments, {
        env: { PATH: process.env.PATH, NOTIFY_SOCKET: this.#socket },
        timeout: SEND_TIMEOUT_MS,
      });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#warn(`Failed to notify systemd: ${messageOf(error)}`);
    }
  }
}
