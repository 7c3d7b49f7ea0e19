import type { FleetDriver } from '../fleet.ts';

/**
 * The fleet of `imgcls scale --fleet none`, which launches and ends nothing and needs no EC2. People or another scheduler
 * start the workers: they are unmanaged.
 */
export const noFleet: FleetDriver = {
  members: async () => [],
  launch: async ({ count }) => ({
    started: [],
    permanent: { count, why: 'there is no fleet (--fleet none)' },
  }),
  retire: async () => {},
  terminate: async () => {},
  hourlyUsd: async () => undefined,
};
