import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHeartbeatFile } from '../../../src/app/heartbeat-file.ts';

/** Time that stands still until the test lets a pause pass. */
class Pauses {
  #begun = () => {};
  #end = () => {};

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    this.#begun();
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#end = resolve;
      signal?.addEventListener('abort', () => resolve());
    });
  }

  /** Resolves at the beginning of the next pause. */
  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.#begun = resolve;
      this.#end();
    });
  }
}

describe('the heartbeat file of a container', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-heartbeat-'));
    file = path.join(folder, 'heartbeat');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (warn: (text: string) => void = () => {}) => {
    const env: NodeJS.ProcessEnv = { HEARTBEAT_FILE: file, PATH: '/bin' };
    const clock = new Pauses();
    const notifier = openHeartbeatFile(env, warn, clock);
    if (notifier === undefined) throw new Error('A file is named.');
    return { env, clock, notifier };
  };

  it('is written only once the process is ready, and disappears with it', async () => {
    const { notifier } = open();
    expect(existsSync(file)).toBe(false);
    notifier.ready('', () => []);
    await vi.waitFor(() => expect(existsSync(file)).toBe(true));
    await notifier.close();
    expect(existsSync(file)).toBe(false);
  });

  it('is not written while a loop is stalled, which is said once, and again afterwards', async () => {
    const warn = vi.fn();
    const { clock, notifier } = open(warn);
    let stalled = ['intake'];
    notifier.ready('', () => stalled);
    await clock.pass();
    expect(existsSync(file)).toBe(false);
    expect(warn.mock.calls).toEqual([["Stalled: intake. The container's health check will fail."]]);
    stalled = [];
    await clock.pass();
    expect(existsSync(file)).toBe(true);
    await notifier.close();
  });

  it('is a reason to warn, not to end, if it cannot be written', async () => {
    await rm(folder, { recursive: true });
    const warn = vi.fn();
    const { notifier } = open(warn);
    notifier.ready('', () => []);
    await vi.waitFor(() =>
      expect(warn).toHaveBeenCalledWith(expect.stringContaining(`Cannot write ${file}`)),
    );
    await notifier.close();
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-heartbeat-'));
  });

  it('is not known to child processes', () => {
    expect(open().env).toEqual({ PATH: '/bin' });
    expect(openHeartbeatFile({}, () => {}, new Pauses())).toBeUndefined();
  });
});
