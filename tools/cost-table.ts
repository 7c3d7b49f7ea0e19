/** Prints the cost table of docs/aws.md (Markdown), from the price table and the policy: node tools/cost-table.ts */
import { BOOT_MS, policySettings } from '../src/app/open-controller.ts';
import { PACKED_BELOW_BYTES } from '../src/core/job/batches.ts';
import { PRICES_AS_OF, priceOf, USUAL_ATTACHED } from '../src/core/money/prices.ts';
import { resolveSettings } from '../src/core/settings/settings.ts';
import { idleMonth } from '../src/deploy/idle-month.ts';
import { quote, quoteRequests } from '../src/scaler/quote.ts';
import { RequestCount } from '../src/upload/count-requests.ts';
import { readTemplate, resourcesWith } from '../test/integration/deploy/template.ts';

const WORKER = 'c7i.large';
const IMAGE_BYTES = 100_000;
const SCENARIOS = [
  { images: 30, max: 4 },
  { images: 1000, max: 4 },
  { images: 100_000, max: 4 },
  { images: 100_000, max: 50 },
  { images: 1_000_000, max: 4 },
  { images: 1_000_000, max: 50 },
];

const usd = (value: number): string => (value < 0.1 ? value.toFixed(4) : value.toFixed(2));
const minutes = (ms: number): string =>
  ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
const hourly = (type: string): number => {
  const price = priceOf(type, 'on-demand', { attached: USUAL_ATTACHED });
  if (price === undefined) throw new Error(`The price of ${type} is unknown.`);
  return price;
};

const { settings } = resolveSettings([{ from: 'here', values: { dataDir: '.' } }]);
// The assumptions of a quote until a controller has measured them.
const measured = { imagesPerSecond: settings.imagesPerSecond, bootMs: BOOT_MS.aws };
const lines = [
  `US dollars at list prices of us-east-1, ${PRICES_AS_OF}; ${WORKER}, ${measured.imagesPerSecond} images/s, a boot of ${Math.round(measured.bootMs / 1000)} s.`,
  '',
  '| photographs | `--max` | workers | done in | machines, $ | requests, $ | a thousand images, $ |',
  '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
];
for (const { images, max } of SCENARIOS) {
  const policy = await policySettings(
    { kind: 'aws' },
    { ...settings, dataDir: '.', max },
    { hourlyUsd: async () => hourly(WORKER) },
  );
  const { machines, drainMs, machineUsd } = quote({ images, bytes: images * IMAGE_BYTES }, policy, measured);
  if (drainMs === undefined || machineUsd === undefined) throw new Error(`${images} images have no quote.`);
  const counted = new RequestCount(PACKED_BELOW_BYTES.aws);
  for (let at = 0; at < images; at++) counted.addStored(IMAGE_BYTES);
  const requests = quoteRequests(counted.counts).usd;
  const each = (1000 * (machineUsd + requests)) / images;
  const cells = [
    images.toLocaleString('en'),
    max,
    machines,
    minutes(drainMs),
    usd(machineUsd),
    usd(requests),
    usd(each),
  ];
  lines.push(`| ${cells.join(' | ')} |`);
}

const idle = idleMonth(resourcesWith(readTemplate(), {}));
lines.push(
  '',
  '| an idle month | $ |',
  '| --- | ---: |',
  ...idle.items.map(({ item, usd: each }) => `| ${item} | ${usd(each)} |`),
  '| workers | 0 |',
  `| together | ${usd(idle.usd)} |`,
);
process.stdout.write(`${lines.join('\n')}\n`);
