/** A provider that is none, for the tests of the driver. */
import { type MachineApi, NoCapacityError, RefusedError, type RentedMachine } from './machine-api.ts';

export interface PretendedProvider extends MachineApi {
  /** What the next start answers with. */
  failNext(error: Error): void;
}

export function pretendProvider({ capacity = 100, nowMs = Date.now } = {}): PretendedProvider {
  const machines = new Map<string, RentedMachine>();
  const byToken = new Map<string, RentedMachine>();
  let failure: Error | undefined;
  return {
    list: async () => [...machines.values()],
    async start({ token }) {
      if (failure !== undefined) {
        const error = failure;
        failure = undefined;
        throw error;
      }
      const known = byToken.get(token);
      if (known !== undefined) return known;
      if (machines.size >= capacity) throw new NoCapacityError('no machine is free');
      const machine = {
        id: `m-${byToken.size + 1}`,
        state: 'running',
        startedAtMs: nowMs(),
        type: 'pretended',
      } as const;
      machines.set(machine.id, machine);
      byToken.set(token, machine);
      return machine;
    },
    async stop(id) {
      const machine = machines.get(id);
      if (machine === undefined) return;
      machines.set(id, { ...machine, state: 'stopping' });
      // Its worker has nothing to finish.
      setImmediate(() => machines.delete(id));
    },
    async end(id) {
      machines.delete(id);
    },
    failNext(error) {
      failure = error;
    },
  };
}

export const refused = (): RefusedError => new RefusedError('the account may have no more machines');
