/** Machines whose boot takes far too long. Pure. */
import type { Machine } from '../snapshot.ts';
import type { PolicyConstants } from './constants.ts';

/** The machine may never become ready, so no work is planned for it. It still costs money. */
export const isOverdue = (
  { phase, ageMs }: Pick<Machine, 'phase' | 'ageMs'>,
  bootMs: number,
  { overdueBoots }: PolicyConstants,
): boolean => phase === 'booting' && ageMs > overdueBoots * bootMs;
