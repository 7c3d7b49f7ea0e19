import { plainName } from '../../results/export.ts';
import type { Skipped } from '../../upload/inputs.ts';
import { notice } from './notice.ts';

/** Says what was left out: a few by name, the rest by number. */
export function skippedFiles(): { add(skipped: Skipped): void; tell(): void } {
  const reasons = new Map<string, { count: number; example: string }>();
  return {
    add({ source, reason }) {
      const known = reasons.get(reason);
      if (known === undefined) reasons.set(reason, { count: 1, example: source });
      else known.count++;
    },
    tell() {
      for (const [reason, { count, example }] of reasons) {
        const others = count === 1 ? '' : ` and ${count - 1} more`;
        notice(`left out ${plainName(example)}${others}: ${reason}.`);
      }
    },
  };
}
