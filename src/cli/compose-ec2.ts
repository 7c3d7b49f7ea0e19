import { ImgclsError } from '../core/errors.ts';
import type { OpenFleet } from './compose-fleet.ts';
import type { RunSettings } from './settings.ts';

export async function openEc2Fleet(_settings: RunSettings): Promise<Omit<OpenFleet, 'name'>> {
  throw new ImgclsError('config', 'EC2 is not wired yet.');
}
