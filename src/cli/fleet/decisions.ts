import type { Clock } from '../../core/runtime/clock.ts';
import { harmless } from '../../core/text/harmless.ts';
import type { Decision } from '../../scaler/policy/policy.ts';

export interface WrittenDecision extends Decision {
  /** Decided only, not carried out. */
  dryRun?: boolean;
  reaped?: readonly unknown[];
}

/** Writes decisions to standard output. Skips those that do nothing and differ from the last only in numbers. */
export class DecisionWriter {
  readonly #format: 'text' | 'json';
  readonly #clock: Clock;
  #last = '';

  constructor(format: 'text' | 'json', clock: Clock) {
    this.#format = format;
    this.#clock = clock;
  }

  write(decision: WrittenDecision): void {
    const { launch, retire, target, reason, warnings, reaped = [] } = decision;
    const summary = JSON.stringify([target, warnings, reason.replace(/[\d.]+/g, '')]);
    const acts = launch > 0 || retire.length > 0 || reaped.length > 0;
    if (!acts && summary === this.#last) return;
    this.#last = summary;
    const time = new Date(this.#clock.nowMs()).toISOString();
    const line =
      this.#format === 'json'
        ? JSON.stringify({ v: 1, time, ...decision })
        : `${time} ${harmless(decisionText(decision))}`;
    process.stdout.write(`${line}\n`);
  }
}

function decisionText({
  target,
  launch,
  retire,
  reason,
  warnings,
  dryRun,
  reaped = [],
}: WrittenDecision): string {
  const would = dryRun === true ? 'would ' : '';
  const acts = [
    ...(launch > 0 ? [`${would}launch ${launch}`] : []),
    ...(retire.length > 0 ? [`${would}retire ${retire.join(', ')}`] : []),
    ...(reaped.length > 0 ? [`reap ${reaped.length}`] : []),
  ];
  const done = acts.length === 0 ? '' : ` (${acts.join(', ')})`;
  return `target ${target}${done}: ${reason}${warnings.map((warning) => `. WARNING: ${warning}`).join('')}`;
}
