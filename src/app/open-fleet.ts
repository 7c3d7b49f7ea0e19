import type { FleetDriver } from '../scaler/fleet.ts';

/** A fleet that the settings ask for, and what a controller must know of it. */
export interface OpenFleet {
  driver: FleetDriver;
  name: string;
  /** How often the controller looks. */
  tickMs: number;
}
