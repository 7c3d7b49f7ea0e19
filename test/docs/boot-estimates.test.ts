import { describe, expect, it } from 'vitest';
import { bootEstimate } from '../../src/bench/boot-estimates.ts';
import { milestoneText } from '../../src/bench/report-text.ts';
import { pages } from './pages.ts';

const guide = pages.find(({ file }) => file === 'docs/aws.md')?.text ?? '';

describe('the boot of a worker in docs/aws.md', () => {
  it.each(['kernelMs', 'processMs', 'modelReadyMs', 'firstResultMs'])(
    'has the estimate that bench prints for %s',
    (milestone) => {
      expect(guide).toContain(`\n| ${milestoneText(milestone)} | ${bootEstimate(milestone)} | `);
    },
  );
});
