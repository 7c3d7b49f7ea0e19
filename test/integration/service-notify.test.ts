/** Readiness, watchdog and drain, as systemd hears of them. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refOf } from '../../src/core/model/model.ts';
import { createModelLibrary } from '../../src/model/library.ts';
import { until } from '../contract/until.ts';
import { processesOf, program, type Running, repository, start } from '../e2e/package.ts';
import { type NotifySocket, openNotifySocket } from './notify-socket.ts';
import { hasTool } from './tools.ts';
import { gist, Harness } from './worker-harness.ts';

const WATCHDOG_MS = 1000;

describe.skipIf(!hasTool('systemd-notify', 'systemd'))('a service that systemd runs', () => {
  let harness: Harness;
  let socket: NotifySocket;
  let running: Running | undefined;

  beforeEach(async () => {
    harness = await Harness.make();
    socket = await openNotifySocket(harness.folder);
  });
  afterEach(async () => {
    running?.kill('SIGKILL');
    await running?.finished;
    running = undefined;
    await socket.close();
    await harness.release();
  });

  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    running = start(program(), harness.folder, ['--cluster', harness.cloud.cluster, ...args], {
      NOTIFY_SOCKET: socket.path,
      WATCHDOG_USEC: String(1000 * WATCHDOG_MS),
      ...env,
    });
    return running;
  };
  const said = (what: string) =>
    until(`systemd receives ${what}`, async () => socket.said.includes(what) || undefined);
  const beats = () => socket.said.filter((text) => text === 'WATCHDOG=1').length;
  const moreBeats = async () => {
    const before = beats();
    await until('the watchdog gets more heartbeats', async () => beats() > before || undefined);
  };

  describe('as a worker', () => {
    const gate = (name: string) => path.join(harness.folder, name);
    const begun = (name: string) =>
      until(
        `a runner has begun with the ${name}`,
        async () => existsSync(gate(`${name}.begun`)) || undefined,
      );
    const worker = () =>
      run(['worker', '--managed', '--runners', '1'], {
        IMGCLS_RUNNER_ENTRY: fileURLToPath(new URL('./children/gated-runner.ts', import.meta.url)),
        IMGCLS_TEST_GATES: harness.folder,
      });

    it('is ready when its model is loaded and not before, and sends heartbeats while it is not stalled', async () => {
      const { pid } = worker();
      await begun('model');
      await until('it receives', async () => running?.stderr().includes('Worker started') || undefined);
      expect(socket.said).toEqual([]);
      await writeFile(gate('model'), '');
      await said('READY=1');
      expect(socket.said).toContain('STATUS=Receiving messages.');
      await moreBeats();

      process.kill(pid, 'SIGSTOP');
      const stoppedAt = beats();
      await new Promise((resolve) => setTimeout(resolve, 2 * WATCHDOG_MS));
      // One may have been on its way.
      expect(beats()).toBeLessThanOrEqual(stoppedAt + 1);
      process.kill(pid, 'SIGCONT');
      await moreBeats();
    });

    it('reports at SIGTERM that it stops, finishes what is in a runner, and ends with code 0', async () => {
      const library = createModelLibrary({
        modelsDir: gate('models'),
        bundledDir: path.join(repository, 'models'),
      });
      const [bundled] = (await library.list()).models;
      if (bundled === undefined) throw new Error('No model is bundled.');
      await harness.announce(await harness.store(['one', 'two']), { model: refOf(bundled.manifest) });
      await writeFile(gate('model'), '');
      const { finished, kill } = worker();
      await said('READY=1');
      await begun('image');
      kill('SIGTERM');
      await said('STOPPING=1');
      expect(socket.said).toContain('STATUS=Draining (drained).');
      await moreBeats();
      await writeFile(gate('image'), '');
      expect(await finished).toMatchObject({ code: 0, signal: null });
      expect(gist(await harness.shard({ first: 0, last: 1 }))).toEqual(['gate', 'gate']);
      expect(await harness.requestsLeft()).toBe(0);
    });
  });

  it('as a controller is ready when its loop runs, and none of its workers notifies for it', async () => {
    const { finished, kill, pid } = run(['scale', '--min', '1']);
    await said('READY=1');
    await moreBeats();
    const workers = await until('its worker runs', async () => {
      const found = (await processesOf(harness.folder)).filter((each) => each !== pid);
      return found.length > 0 ? found : undefined;
    });
    for (const each of workers)
      expect(readFileSync(`/proc/${each}/environ`, 'utf8')).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    kill('SIGTERM');
    await said('STOPPING=1');
    expect(await finished).toMatchObject({ code: 0 });
    expect(socket.said.filter((text) => text === 'READY=1')).toHaveLength(1);
  });

  it('as a web server is ready when it listens', async () => {
    const { finished, kill, stderr } = run(['serve', '--port', '0']);
    await said('READY=1');
    const address = /Listening on (\S+)/.exec(stderr())?.[1];
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    await moreBeats();
    kill('SIGTERM');
    await said('STOPPING=1');
    expect(await finished).toMatchObject({ code: 0 });
  });

  it('works on when systemd cannot be notified', async () => {
    const { finished, kill, stderr } = run(['serve', '--port', '0'], { NOTIFY_SOCKET: '/nowhere/notify' });
    await until('it says so', async () => stderr().includes('Failed to notify systemd') || undefined);
    kill('SIGTERM');
    expect(await finished).toMatchObject({ code: 0 });
  });
});
