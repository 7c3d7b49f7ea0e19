import type { Chore } from '../core/chore.ts';
import type { Cloud } from '../core/ports.ts';

export function openChores(_cloud: Cloud): Chore[] {
  return [];
}
