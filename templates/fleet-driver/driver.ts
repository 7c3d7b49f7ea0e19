/** A fleet of rented machines: a driver over the API of a provider. Copy it to src/scaler/drivers/ and fit it to yours. */
import { ImgclsError, messageOf } from '../../src/core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../../src/scaler/fleet.ts';
import { type MachineApi, NoCapacityError, RefusedError, type RentedMachine } from './machine-api.ts';

/** @param hourlyUsd price of a machine; undefined if it is unknown. */
export function createRentedFleet(options: { api: MachineApi; hourlyUsd?: number }): FleetDriver {
  return new RentedFleet(options);
}

class RentedFleet implements FleetDriver {
  readonly #api: MachineApi;
  readonly #hourlyUsd: number | undefined;

  constructor({ api, hourlyUsd }: { api: MachineApi; hourlyUsd?: number }) {
    this.#api = api;
    this.#hourlyUsd = hourlyUsd;
  }

  async members(signal?: AbortSignal): Promise<FleetMember[]> {
    const machines = await this.#api.list(signal).catch((error: unknown) => {
      throw new ImgclsError('transient', `Cannot list the machines: ${messageOf(error)}`, { cause: error });
    });
    return machines.map((machine) => this.#memberOf(machine));
  }

  /** One machine after the other. What was refused is counted with its reason; a launch is never lost silently. */
  async launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    const started: string[] = [];
    for (let at = 0; at < count; at++) {
      try {
        // The same request again, after a lost answer, starts no second machine.
        const { id } = await this.#api.start({ token: `${decision}-${at}` });
        started.push(id);
      } catch (error) {
        const rest = { count: count - at, why: messageOf(error) };
        if (error instanceof NoCapacityError) return { started, retryable: rest };
        if (error instanceof RefusedError) return { started, permanent: rest };
        throw new ImgclsError('transient', `Cannot tell whether a machine was started: ${rest.why}`, {
          cause: error,
        });
      }
    }
    return { started };
  }

  /** The worker receives SIGTERM, finishes what it has begun, and ends; then its machine ends. */
  async retire(ids: readonly string[]): Promise<void> {
    const machines = await this.#api.list();
    const retired = machines.filter(({ id, state }) => ids.includes(id) && state === 'running');
    await Promise.all(retired.map(({ id }) => this.#api.stop(id)));
  }

  async terminate(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#api.end(id)));
  }

  async hourlyUsd(): Promise<number | undefined> {
    return this.#hourlyUsd;
  }

  #memberOf({ id, state, startedAtMs, type }: RentedMachine): FleetMember {
    return {
      id,
      state: state === 'stopping' ? 'draining' : 'running',
      launchedAtMs: startedAtMs,
      ...(this.#hourlyUsd !== undefined && { hourlyUsd: this.#hourlyUsd }),
      kind: type,
    };
  }
}
