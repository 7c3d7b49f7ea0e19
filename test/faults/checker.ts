/** Compares what a run was given with what came of it. Pure. */
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { plainName } from '../../src/core/text/harmless.ts';

/** An image of a run and what must become of it: the label of the run without faults, or an error's code. */
export interface Expected {
  name: string;
  result: { label: string } | { code: string };
}

/** All that can be seen of a job once it ended. */
export interface Found {
  /** The merged ledger. */
  ledger: readonly Outcome[];
  /** Every outcome that stands in a shard, with the attempt that it is of. */
  raw: readonly { attempt: number; outcome: Outcome }[];
  /** Standard output of the submitter that saw the job's end. */
  printed: string;
  /** Standard output of `results`, and of `results --format ndjson`. */
  lines: string;
  json: string;
}

/** What is wrong; nothing where every image has exactly the outcome that it must have, everywhere the same. */
export function violations(expected: readonly Expected[], found: Found): string[] {
  return [
    ...checkLedger(expected, found.ledger),
    ...checkRaw(found.raw),
    ...checkJson(found),
    ...checkLines('terminal', expected, found.printed),
    ...checkLines('output of "results"', expected, found.lines),
  ];
}

const resultOf = (outcome: Outcome): string =>
  isError(outcome) ? `error ${outcome.error.code}` : `label ${outcome.labels[0]?.label}`;

const wanted = ({ result }: Expected): string =>
  'code' in result ? `error ${result.code}` : `label ${result.label}`;

function checkLedger(expected: readonly Expected[], ledger: readonly Outcome[]): string[] {
  const wrong: string[] = [];
  const byIndex = Map.groupBy(ledger, ({ index }) => index);
  for (const [index, image] of expected.entries()) {
    const [outcome, ...more] = byIndex.get(index) ?? [];
    if (outcome === undefined) {
      wrong.push(`lost: image ${index} has no outcome`);
      continue;
    }
    if (more.length > 0) wrong.push(`doubled: image ${index} has ${more.length + 1} outcomes`);
    if (!Buffer.from(outcome.name).equals(Buffer.from(image.name)))
      wrong.push(
        `wrong name: image ${index} is ${JSON.stringify(outcome.name)}, not ${JSON.stringify(image.name)}`,
      );
    if (resultOf(outcome) !== wanted(image))
      wrong.push(`wrong outcome: image ${index} has ${resultOf(outcome)}, not ${wanted(image)}`);
  }
  for (const index of byIndex.keys())
    if (index >= expected.length) wrong.push(`invented: there is no image ${index}`);
  if (ledger.some(({ index }, place) => index < (ledger[place - 1]?.index ?? 0)))
    wrong.push('disordered: the ledger is not in input order');
  return wrong;
}

/**
 * However often an image was classified in one attempt, by however many workers, the same came of it. Only a dead letter
 * may have said `deadline` meanwhile, which the merge puts behind a prediction.
 */
function checkRaw(raw: Found['raw']): string[] {
  const results = new Map<string, string>();
  const wrong: string[] = [];
  for (const { attempt, outcome } of raw) {
    if (isError(outcome) && outcome.error.code === 'deadline') continue;
    const image = `${outcome.index} of attempt ${attempt}`;
    const known = results.get(image) ?? resultOf(outcome);
    results.set(image, known);
    if (known !== resultOf(outcome))
      wrong.push(`doubled: image ${image} has ${known} and ${resultOf(outcome)}`);
  }
  return wrong;
}

function checkJson({ ledger, json }: Found): string[] {
  const told = json.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  const short = told.map(({ index, name, label, error }) =>
    JSON.stringify([index, name, error === undefined ? `label ${label}` : `error ${error.code}`]),
  );
  const known = ledger.map((outcome) => JSON.stringify([outcome.index, outcome.name, resultOf(outcome)]));
  return firstDifference('JSON', known, short);
}

function checkLines(where: string, expected: readonly Expected[], text: string): string[] {
  const known = expected.map(
    ({ name, result }) => `${plainName(name)}, ${'code' in result ? `error: ${result.code}` : result.label}`,
  );
  return firstDifference(where, known, text.replace(/\n$/, '').split('\n'));
}

function firstDifference(where: string, known: readonly string[], told: readonly string[]): string[] {
  const at = known.findIndex((line, place) => line !== told[place]);
  if (at >= 0) return [`disagreement: the ${where} says ${told[at]} where it should say ${known[at]}`];
  return told.length > known.length ? [`disagreement: the ${where} says more: ${told[known.length]}`] : [];
}
