import { describe, expect, it } from 'vitest';
import { type BenchReport, benchReport, parseReport, summaryOf } from '../../../src/bench/bench-report.ts';
import { compareReports } from '../../../src/bench/compare-reports.ts';
import { htmlOf } from '../../../src/bench/report-html.ts';
import { reportTable } from '../../../src/cli/bench/report-table.ts';
import { UNBOUNDED } from '../../../src/cli/terminal/screen.ts';

const fast = [900, 1000, 1010, 1020, 1100];

/** With one scenario of each kind. */
function report({ samplesMs = fast, ...changed }: Partial<BenchReport> & { samplesMs?: number[] } = {}) {
  const scenario = { images: 20, start: 'cold', measures: 'job' } as const;
  const made: BenchReport = {
    v: 1,
    kind: 'imgcls bench',
    createdAt: '2026-11-24T12:00:00.000Z',
    versions: { imgcls: '0.1.0', node: '24.0.0' },
    machine: {
      cpu: 'A <fast> CPU & more',
      cores: 2,
      memoryBytes: 8e9,
      platform: 'linux',
      arch: 'x64',
      osRelease: '6',
    },
    cloud: 'local',
    workerKinds: [],
    model: { name: 'resnet50', version: '1', variant: 'int8', sha256: 'a'.repeat(64) },
    options: { count: 30, repeat: 5, boots: 3, seed: 1, images: 'samples' },
    scenarios: [
      {
        ...scenario,
        name: 'medium-20-cold',
        what: '20 photographs',
        samplesMs,
        summary: summaryOf(samplesMs),
        imagesPerSecond: 20,
        seed: { seconds: 230.15 },
        timesFaster: 228,
      },
      {
        ...scenario,
        name: 'medium-60-cold',
        what: '60 photographs',
        images: 60,
        samplesMs: [],
        seed: { isAbout: false, failure: 'memory errors' },
      },
      {
        ...scenario,
        name: 'boot',
        what: 'a worker',
        measures: 'boot',
        images: 0,
        samplesMs: [700],
        summary: summaryOf([700]),
        milestones: [
          { name: 'readyMs', samplesMs: [300], summary: summaryOf([300]) },
          { name: 'modelReadyMs', samplesMs: [700], summary: summaryOf([700]) },
        ],
      },
    ],
    correctness: {
      isCorrect: true,
      imagesChecked: 100,
      labels: { medium: { top1Share: 0.9, topKShare: 1 }, tiny: { top1Share: 0.5, topKShare: 0.7 } },
      problems: [],
    },
    ...changed,
  };
  return benchReport.parse(made);
}

/** The paths of all fields of an object. */
function keys(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return [`${at}[]`, ...value.flatMap((each) => keys(each, `${at}[]`))];
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, each]) => keys(each, at === '' ? key : `${at}.${key}`));
}

describe('the report as JSON', () => {
  it('keeps its fields, because its readers rely on them', () => {
    const old = report();
    expect(
      [...new Set(keys({ ...old, comparison: compareReports(old, report()) }))].sort(),
    ).toMatchInlineSnapshot(`
      [
        "cloud",
        "comparison.changes[]",
        "comparison.changes[].name",
        "comparison.changes[].newMedianMs",
        "comparison.changes[].oldMedianMs",
        "comparison.changes[].ratio",
        "comparison.changes[].verdict",
        "comparison.differences[]",
        "comparison.with",
        "correctness.imagesChecked",
        "correctness.isCorrect",
        "correctness.labels.medium.top1Share",
        "correctness.labels.medium.topKShare",
        "correctness.labels.tiny.top1Share",
        "correctness.labels.tiny.topKShare",
        "correctness.problems[]",
        "createdAt",
        "kind",
        "machine.arch",
        "machine.cores",
        "machine.cpu",
        "machine.memoryBytes",
        "machine.osRelease",
        "machine.platform",
        "model.name",
        "model.sha256",
        "model.variant",
        "model.version",
        "options.boots",
        "options.count",
        "options.images",
        "options.repeat",
        "options.seed",
        "scenarios[]",
        "scenarios[].images",
        "scenarios[].imagesPerSecond",
        "scenarios[].measures",
        "scenarios[].milestones[]",
        "scenarios[].milestones[].name",
        "scenarios[].milestones[].samplesMs[]",
        "scenarios[].milestones[].summary.maxMs",
        "scenarios[].milestones[].summary.medianMs",
        "scenarios[].milestones[].summary.minMs",
        "scenarios[].milestones[].summary.p95Ms",
        "scenarios[].name",
        "scenarios[].samplesMs[]",
        "scenarios[].seed.failure",
        "scenarios[].seed.isAbout",
        "scenarios[].seed.seconds",
        "scenarios[].start",
        "scenarios[].summary.maxMs",
        "scenarios[].summary.medianMs",
        "scenarios[].summary.minMs",
        "scenarios[].summary.p95Ms",
        "scenarios[].timesFaster",
        "scenarios[].what",
        "v",
        "versions.imgcls",
        "versions.node",
        "workerKinds[]",
      ]
    `);
  });

  it.each([
    ['a newer version', { ...report(), v: 2 }, /format 2.*formats up to 1/],
    ['another document', { v: 1, hello: 'world' }, /wrong format/],
    ['something else than a document', 'nonsense', /wrong format/],
  ])('of %s is refused with its name', (_, document, words) => {
    expect(() => parseReport('old.json', JSON.stringify(document))).toThrow(words);
    expect(() => parseReport('old.json', JSON.stringify(document))).toThrow(
      /^Cannot compare with old\.json: /,
    );
  });

  it('can be read as it was written', () => {
    expect(parseReport('old.json', JSON.stringify(report()))).toEqual(report());
  });
});

describe('a comparison', () => {
  const verdicts = (before: BenchReport, after: BenchReport) =>
    Object.fromEntries(compareReports(before, after).changes.map(({ name, verdict }) => [name, verdict]));

  it.each([
    ['twice as slow', [2000, 2010, 2020, 2030, 2040], 'slower'],
    ['a tenth faster in each repetition', [800, 810, 820, 830, 840], 'faster'],
    ['sometimes faster and sometimes slower', [890, 1005, 1015, 1030, 1200], 'within the noise'],
    ['measured once', [2000], 'unknown'],
  ])('with a scenario that is %s says "%s"', (_, samplesMs, verdict) => {
    expect(verdicts(report(), report({ samplesMs }))).toMatchObject({ 'medium-20-cold': verdict });
  });

  it('marks scenarios that are not in both reports, or never finished', () => {
    const without = report({ scenarios: [] });
    expect(verdicts(report(), without)).toEqual({
      'medium-20-cold': 'incomparable',
      'medium-60-cold': 'incomparable',
      boot: 'incomparable',
    });
  });

  it('lists a different machine and model', () => {
    const other = report({
      machine: { ...report().machine, cores: 64 },
      model: { ...report().model, name: 'resnet18' },
    });
    const { differences } = compareReports(report(), other);
    expect(differences.map((difference) => difference.split(':')[0])).toEqual(['model', 'cpu']);
    expect(differences.join()).toContain('64 cores');
    expect(compareReports(report(), report()).differences).toEqual([]);
  });
});

describe('the table', () => {
  it('has the baseline and the ratio for each scenario, also for those that never finished', () => {
    const lines = reportTable(report(), UNBOUNDED).split('\n');
    expect(lines.find((line) => line.includes('medium-20-cold'))).toMatch(
      /20 │ +1\.01 s │ +1\.10 s │ +0\.90 s │ +1\.10 s │.*230\.15 s.*│ +228 │/,
    );
    expect(lines.find((line) => line.includes('medium-60-cold'))).toMatch(/- │.*memory errors +│ +- │/);
    expect(lines.find((line) => line.includes('model loaded'))).toContain('0.70 s');
  });

  it('has the estimate beside each measured step of a boot on AWS', () => {
    const steps = (cloud: BenchReport['cloud']) => {
      const lines = reportTable(report({ cloud }), UNBOUNDED).split('\n');
      return lines.filter((line) => /boot, from|takes messages|model loaded/.test(line)).join('\n');
    };
    expect(steps('aws')).toMatch(/max │ +estimate │\n.*takes messages.* - │\n.*model loaded.* 17 to 46 s │$/);
    expect(steps('local')).not.toMatch(/estimate| to /);
  });

  it('lists the problems', () => {
    const wrong = { isCorrect: false, imagesChecked: 3, labels: {}, problems: ['boot, launch 1: it died'] };
    expect(reportTable(report({ correctness: wrong }), UNBOUNDED)).toMatch(
      /WRONG {4}3 outcomes\n +boot, launch 1: it died/,
    );
  });

  it('ends with the comparison if there is one', () => {
    const slower = report({ samplesMs: fast.map((ms) => 3 * ms) });
    expect(reportTable({ ...slower, comparison: compareReports(report(), slower) }, UNBOUNDED)).toMatch(
      /medium-20-cold │ 1\.01 s │ 3\.03 s │ \+200\.0 % │ SLOWER/,
    );
  });
});

describe('the page', () => {
  const slower = report({ samplesMs: fast.map((ms) => 3 * ms) });
  const page = htmlOf({ ...slower, comparison: compareReports(report(), slower) });

  it('has no external resources and no scripts', () => {
    expect(page).not.toMatch(/<script|javascript:|\son\w+=|src=|href=|url\(|@import|https?:/i);
  });

  it('closes every element that it opens', () => {
    const open: string[] = [];
    for (const [, close, name = '', rest = ''] of page.matchAll(/<(\/?)([a-z]\w*)([^>]*)>/gi)) {
      if (name === 'meta' || rest.endsWith('/')) continue;
      if (close === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    expect(page.match(/<svg/g)).toHaveLength(2);
  });

  it('has figures, baseline and comparison, with names escaped', () => {
    for (const words of ['medium-20-cold', '230.15 s', 'memory errors', '+200.0 %', 'prefers-color-scheme'])
      expect(page).toContain(words);
    expect(page).toContain('A &#60;fast&#62; CPU &#38; more');
  });

  it('draws a report in which nothing finished', () => {
    const scenarios = report().scenarios.map(({ summary: _, milestones: __, ...rest }) => ({
      ...rest,
      samplesMs: [],
    }));
    expect(htmlOf(report({ scenarios }))).not.toMatch(/NaN|undefined|Infinity/);
  });
});
