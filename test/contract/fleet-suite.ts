/** The contract of src/scaler/fleet.ts as tests, which run against every fleet driver. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetDriver, FleetMember } from '../../src/scaler/fleet.ts';
import { until } from './until.ts';

export interface FleetWorld {
  /** Each time a new driver for the same machines, as after a restart of the controller. */
  driver(): FleetDriver;
  /** Ends everything that was launched. */
  release(): Promise<void>;
}

const newDecision = (): string => `contract-${randomUUID()}`;
const idsOf = (members: readonly { id: string }[]): string[] => members.map(({ id }) => id).sort();

/** @param waiting how long a machine may take to end, and the interval of polls. */
export function describeFleetDriver(
  name: string,
  makeWorld: () => Promise<FleetWorld>,
  waiting: { timeoutMs?: number; everyMs?: number } = {},
): void {
  describe(`${name}: fleet`, () => {
    let world: FleetWorld;
    let driver: FleetDriver;
    beforeEach(async () => {
      world = await makeWorld();
      driver = world.driver();
    });
    afterEach(() => world.release());

    const launch = async (count: number): Promise<string[]> => {
      const { started } = await driver.launch({ count, decision: newDecision() });
      expect(started).toHaveLength(count);
      return started.toSorted();
    };

    const untilGone = (ids: readonly string[]): Promise<true> =>
      until(
        `${ids.join(', ')} have ended`,
        async () => ((await driver.members()).some(({ id }) => ids.includes(id)) ? undefined : true),
        waiting,
      );

    const stateOf = (members: readonly FleetMember[], id: string): FleetMember['state'] | undefined =>
      members.find((member) => member.id === id)?.state;

    it('begins empty', async () => {
      expect(await driver.members()).toEqual([]);
    });

    it('lists launched machines at once, each with its own id', async () => {
      const before = Date.now();
      const ids = await launch(3);
      const members = await driver.members();
      expect(new Set(ids).size).toBe(3);
      expect(idsOf(members)).toEqual(ids);
      for (const { state, launchedAtMs } of members) {
        expect(state).toBe('running');
        // Clouds round the time of a launch to whole seconds.
        expect(launchedAtMs).toBeGreaterThan(before - 2000);
        expect(launchedAtMs).toBeLessThan(Date.now() + 2000);
      }
    });

    it('adds the machines of a second launch', async () => {
      const first = await launch(1);
      const second = await launch(2);
      expect(idsOf(await driver.members())).toEqual([...first, ...second].sort());
    });

    it('knows all members after a restart of the controller', async () => {
      const ids = await launch(2);
      driver = world.driver();
      expect(idsOf(await driver.members())).toEqual(ids);
      await driver.terminate(ids);
      await untilGone(ids);
    });

    it('drains retired machines until they have ended, and no others', async () => {
      const [retired = '', kept = ''] = await launch(2);
      await driver.retire([retired]);
      const members = await driver.members();
      expect(['draining', undefined]).toContain(stateOf(members, retired));
      expect(stateOf(members, kept)).toBe('running');
      await untilGone([retired]);
      expect(idsOf(await driver.members())).toEqual([kept]);
    });

    it('knows after a restart which machines were retired', async () => {
      const [retired = ''] = await launch(1);
      await driver.retire([retired]);
      driver = world.driver();
      expect(['draining', undefined]).toContain(stateOf(await driver.members(), retired));
      await untilGone([retired]);
    });

    it('can retire the same machine twice', async () => {
      const ids = await launch(2);
      await driver.retire(ids);
      await driver.retire(ids);
      await untilGone(ids);
      await driver.retire(ids);
      expect(await driver.members()).toEqual([]);
    });

    it('ends terminated machines at once, retired before or not, and no others', async () => {
      const [retired = '', running = '', kept = ''] = await launch(3);
      await driver.retire([retired]);
      await driver.terminate([retired, running]);
      await untilGone([retired, running]);
      await driver.terminate([retired, running]);
      expect(idsOf(await driver.members())).toEqual([kept]);
    });

    it('ignores unknown ids and empty lists', async () => {
      const ids = await launch(1);
      for (const unknown of [['w-unknown'], []]) {
        await driver.retire(unknown);
        await driver.terminate(unknown);
      }
      const members = await driver.members();
      expect(idsOf(members)).toEqual(ids);
      expect(members[0]?.state).toBe('running');
    });
  });
}
