import { ImgclsError } from '../../core/runtime/errors.ts';
import { openOutput } from '../output/output.ts';
import { screenOf } from '../terminal/screen.ts';
import type { BenchFlags } from './bench-flags.ts';

const ONLY_MEASURING = ['count', 'repeat', 'boots', 'scenario', 'images', 'cloud', 'model', 'compare', 'yes'];
const ONLY_SIMULATING = ['max', 'world', 'traces', 'forecast'];

/**
 * Runs `imgcls bench`, measuring or simulating.
 * @param given names of the flags that the user set.
 * @throws {ImgclsError} of kind `permanent`, after the report is written, when results were wrong.
 */
export async function bench(flags: BenchFlags, given: readonly string[]): Promise<void> {
  const { simulate, format, output: file } = flags;
  const misplaced = given.find((name) =>
    (simulate === undefined ? ONLY_SIMULATING : ONLY_MEASURING).includes(name),
  );
  if (misplaced !== undefined) {
    const why = simulate === undefined ? 'is only for --simulate' : 'cannot be used with --simulate';
    throw new ImgclsError('usage', `--${misplaced} ${why}.`);
  }
  checkFormat(simulate === undefined ? 'measuring' : 'simulating', format);
  // Fail before minutes of measuring, not after, if the output cannot be written.
  const output = await openOutput(file);
  const screen = file === undefined ? screenOf(process.stdout) : undefined;
  try {
    if (simulate !== undefined) {
      const { simulatePolicies } = await import('./bench-simulate.ts');
      await output.write(await simulatePolicies({ ...flags, simulate, format: format as 'table' }, screen));
      await output.finish();
      return;
    }
    const { measureScenarios, reportText } = await import('./bench-measure.ts');
    const report = await measureScenarios(flags);
    await output.write(reportText(report, format as 'table', screen));
    await output.finish();
    const { isCorrect, problems } = report.correctness;
    if (!isCorrect)
      throw new ImgclsError('permanent', `Results were wrong: ${problems[0]}`, {
        hint: 'The report lists all problems.',
      });
  } finally {
    await output.close();
  }
}

function checkFormat(act: 'measuring' | 'simulating', format: BenchFlags['format']): void {
  const allowed = act === 'measuring' ? ['table', 'json', 'html'] : ['table', 'json', 'markdown'];
  if (allowed.includes(format)) return;
  const what = act === 'measuring' ? 'Measurements' : 'Simulations';
  throw new ImgclsError('usage', `${what} cannot be written as ${format}.`, {
    hint: `Use --format with one of: ${allowed.join(', ')}.`,
  });
}
