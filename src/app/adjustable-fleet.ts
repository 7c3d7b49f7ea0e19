import type { FleetDriver } from '../scaler/fleet.ts';
import type { RunSettings } from './settings.ts';

/** A fleet whose settings may change while it runs. */
export interface AdjustableFleet {
  driver: FleetDriver;
  /** Launches by these settings from now on. @throws {ImgclsError} if they cannot apply; then nothing changes. */
  use(settings: RunSettings): Promise<void>;
}
