import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, vi } from 'vitest';
import { AwsClouds } from '../../contract/aws-clouds.ts';
import { standInEnvironment } from '../../contract/moto.ts';
import type { RunningServer } from '../process.ts';
import { type Suite, serverOf } from '../servers.ts';

/** Runs a suite against the server of this run. Its known misses must fail (miss-runner.ts). */
export function overServer(suite: Suite, describeSuite: (clouds: AwsClouds) => void): void {
  const server = serverOf(inject('server'));
  const unseen = new Set(server.misses[suite]);

  describe(`over ${server.name}`, () => {
    const clouds = new AwsClouds();
    let running: RunningServer;

    beforeAll(async () => {
      running = await server.start();
      for (const [name, value] of Object.entries(standInEnvironment(running.url))) vi.stubEnv(name, value);
    });
    beforeEach(({ task }) => {
      const miss = [...unseen].find(({ test }) => task.name.startsWith(test));
      if (miss === undefined) return;
      unseen.delete(miss);
      task.meta.miss = miss;
    });
    afterEach(() => clouds.close());
    afterAll(async () => {
      await running?.close();
      expect([...unseen], 'known misses that are no tests of the suite').toEqual([]);
    });

    describeSuite(clouds);
  });
}
