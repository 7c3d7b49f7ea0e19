import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take longer than half a minute, the longest first, and two that compute for long and would be the last. Started
 * last, each would leave one of the two cores idle at the end of the suite. A wrong order costs time, nothing else.
 */
const LONGEST = [
  'e2e/world-faults-aws.test.ts',
  'e2e/web/open-api.test.ts',
  'faults/faults.test.ts',
  'e2e/scale.test.ts',
  'e2e/stack.test.ts',
  'e2e/web/page.test.ts',
  'e2e/resume.test.ts',
  'contract/aws.test.ts',
  'e2e/world-faults.test.ts',
  'e2e/gate.test.ts',
  'unit/bench/elastic.test.ts',
  'unit/bench/acceptance.test.ts',
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((file) => moduleId.endsWith(`/test/${file}`));
  return rank === -1 ? LONGEST.length : rank;
};

/** Only files in a row share processes. */
const sharersOf = ({ project }: TestSpecification): string => (project.config.isolate ? '' : project.name);

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b) || sharersOf(a).localeCompare(sharersOf(b)));
  }
}
