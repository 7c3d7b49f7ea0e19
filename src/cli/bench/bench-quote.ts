// Quotes a measurement on AWS and asks the user to agree.

import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type ImageSet, writeFresh } from '../../bench/image-set.ts';
import type { Product } from '../../bench/product.ts';
import type { Scenario } from '../../bench/scenarios.ts';
import { dollars } from '../../core/money/money.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { duration } from '../../core/text/duration.ts';
import type { QuoteView } from '../jobs/quote-text.ts';
import { agree } from '../terminal/ask.ts';
import { UNBOUNDED } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

export interface QuoteParts {
  product: Product;
  env: NodeJS.ProcessEnv;
  images: ImageSet;
  work: string;
  signal: AbortSignal;
  repeat: number;
  boots: number;
  yes: boolean;
}

/** The quote of `imgcls label --dry-run` for one scenario, and how often it runs. */
export interface QuotedScenario {
  name: string;
  runs: number;
  quote: Pick<QuoteView, 'images' | 'machines' | 'drainMs' | 'machineUsd' | 'requests'>;
}

/**
 * Prints the quote on standard error and asks.
 * @throws {ImgclsError} of kind `usage` without a terminal to ask on, of kind `permanent` when the answer is no.
 */
export async function agreeToPrice(scenarios: readonly Scenario[], parts: QuoteParts): Promise<void> {
  const quoted: QuotedScenario[] = [];
  for (const scenario of scenarios) quoted.push(await quoteScenario(scenario, parts));
  process.stderr.write(benchQuoteText(quoted));
  const agreed = await agree('Measure?', {
    yes: parts.yes,
    why: 'Measuring on AWS costs money',
    hint: 'Use --yes to agree to the quote.',
    signal: parts.signal,
  });
  if (!agreed) throw new ImgclsError('permanent', 'Nothing was measured.');
}

/** A boot is measured with a job of one request message. */
const IMAGES_FOR_A_BOOT = 16;

async function quoteScenario(
  { name, kind, images: count, measures }: Scenario,
  { product, env, images, work, repeat, boots }: QuoteParts,
): Promise<QuotedScenario> {
  const isBoot = measures === 'boot';
  const folder = path.join(work, 'quoted');
  try {
    await writeFresh(folder, images.images[kind], {
      count: isBoot ? IMAGES_FOR_A_BOOT : count,
      mark: 'quoted',
    });
    const { code, stdout, stderr } = await product.run(
      ['upload', folder, '--quote', '--format', 'json'],
      env,
    );
    if (code !== 0) throw new ImgclsError('permanent', `Cannot quote scenario ${name}.`, { hint: stderr });
    return { name, runs: isBoot ? boots : repeat, quote: JSON.parse(stdout) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An upper bound: assumes that every run launches its own machines, which warm runs do not. */
export function benchQuoteText(quoted: readonly QuotedScenario[]): string {
  const total = (of: (quote: QuotedScenario['quote']) => number | undefined) =>
    quoted.reduce<number | undefined>((sum, { runs, quote }) => {
      const each = of(quote);
      return sum === undefined || each === undefined ? undefined : sum + runs * each;
    }, 0);
  const usd = (value: number | undefined) => (value === undefined ? 'unknown' : dollars(value));
  const time = (value: number | undefined) => (value === undefined ? 'never' : duration(value));
  const table = drawTable(
    ['scenario', 'runs', 'images', 'machines', 'time', 'machines cost', 'requests cost'],
    quoted.map(({ name, runs, quote }) => [
      name,
      String(runs),
      String(runs * quote.images),
      String(quote.machines),
      time(quote.drainMs === undefined ? undefined : runs * quote.drainMs),
      usd(quote.machineUsd === undefined ? undefined : runs * quote.machineUsd),
      usd(runs * (quote.requests?.usd ?? 0)),
    ]),
    { frame: 'none', screen: UNBOUNDED },
  );
  const machineUsd = total(({ machineUsd: each }) => each);
  return `${[
    table,
    `At most ${time(total(({ drainMs }) => drainMs))}, ${usd(machineUsd)} for machines and ${usd(total(({ requests }) => requests?.usd ?? 0))} for requests, if every run launches its own machines.`,
    ...(machineUsd === undefined ? ['The machine price is unknown (set pricePerHour).'] : []),
    'This command launches no machines: a controller ("imgcls scale") or workers must be running.',
  ].join('\n')}\n`;
}
