import { describe, expect, it } from 'vitest';
import type { JobPage, ModelList, StatusBody } from '../../../src/web/api.ts';
import { findPath, findQueryOf } from '../../../src/web/page/find/find-query.ts';
import { controllerText, figuresOf } from '../../../src/web/page/fleet/fleet-text.ts';
import { baseName } from '../../../src/web/page/format.ts';
import { filterJobs } from '../../../src/web/page/jobs/filter-jobs.ts';
import { addressesIn, partsOfAddress, takeAllowed } from '../../../src/web/page/upload/address-list.ts';
import { modelText } from '../../../src/web/page/upload/model-text.ts';

const idle: StatusBody = {
  cluster: 'default',
  cloud: 'local',
  atMs: 0,
  controller: {
    isAlive: true,
    reason: 'the queues are empty; 1 idle worker is retired',
    warnings: [],
    policy: 'backlog',
    min: 0,
    max: 2,
    target: 1,
    hourlyUsd: 0,
    totalUsd: 0,
  },
  requests: { waiting: 0, inFlight: 0, delayed: 0 },
  deadLetters: { waiting: 0, inFlight: 0, delayed: 0 },
  workers: [],
  imagesPerSecond: 0,
  backlogImages: 0,
  backlogMs: 0,
  history: [],
};

describe('the fleet in words', () => {
  it('says what it does and why', () => {
    expect(controllerText(idle)).toEqual({
      title: 'Idle. Scales from 0 to 2 workers.',
      text: 'The queues are empty. 1 idle worker is retired.',
      isAlive: true,
    });
    const busy = { ...idle, requests: { waiting: 3, inFlight: 1, delayed: 0 } };
    expect(controllerText(busy).title).toBe('1 worker wanted. Scales from 0 to 2 workers.');
  });

  it('leaves out figures that say nothing, such as a cost of $0', () => {
    expect(figuresOf(idle).map(({ name, value }) => [name, value])).toEqual([
      ['Photos waiting', '0'],
      ['Workers', '0'],
      ['Speed', '0'],
    ]);
    const paid = { ...idle, controller: { ...idle.controller, hourlyUsd: 0.4, totalUsd: 12 } } as StatusBody;
    expect(figuresOf(paid).map(({ name }) => name)).toContain('Cost');
  });

  it('says that the time left is not known yet, and in how many batches the photos are', () => {
    const waiting: StatusBody = {
      ...idle,
      requests: { waiting: 3, inFlight: 1, delayed: 0 },
      backlogImages: 64,
      backlogMs: { unknown: 'no batch has completed recently' },
    };
    expect(figuresOf(waiting)[0]).toEqual({
      name: 'Photos waiting',
      value: '64',
      note: 'in about 4 batches; time left unknown until one is done',
    });
  });
});

describe('a model to choose', () => {
  const model = (title: string, bytes: number, top1?: number) =>
    ({
      title,
      bytes,
      top1,
      isDefault: title === 'small/int8',
      zeroShot: false,
    }) as ModelList['models'][number];

  it('has a word for what it is good at', () => {
    const all = [model('small/int8', 5 * 2 ** 20, 0.751), model('big/fp32', 98 * 2 ** 20, 0.809)];
    expect(all.map((each) => modelText(each, all))).toEqual([
      'small/int8 (default) · smallest, 75.1 % right, 5 MiB',
      'big/fp32 · most accurate, 80.9 % right, 98 MiB',
    ]);
  });
});

describe('a search', () => {
  it('is kept in the address, and asks for what the address says', () => {
    const asked = findQueryOf(new URLSearchParams('q= big cat &min=0.5'));
    expect(findPath(asked, 60)).toBe('find?q=big+cat&minScore=0.5&from=60');
    expect(findQueryOf(new URLSearchParams('min=7'))).toEqual({ words: '', minScore: '0' });
  });

  it('of jobs looks at folders, names of files and ids, for all its words', () => {
    const jobs = [
      { id: 'A', state: 'finished', inputs: ['/home/ada/Summer 2026'] },
      { id: 'B', state: 'finished', firstImages: [{ index: 0, name: 'beach/IMG_1.HEIC' }] },
      { id: 'C', unknown: 'damaged' },
    ] as unknown as JobPage['jobs'];
    const found = (text: string) => filterJobs(jobs, text).map(({ id }) => id);
    expect(found('2026 summer')).toEqual(['A']);
    expect(found('heic')).toEqual(['B']);
    expect(found('heic summer')).toEqual([]);
    expect(found(' ')).toEqual(['A', 'B', 'C']);
  });
});

describe('pasted text', () => {
  it.each([
    ['s3://photos/2026/\n https://example.org/a.jpg', ['s3://photos/2026/', 'https://example.org/a.jpg']],
    [
      'See (http://nas.local:80/a_(1).jpg), and HTTPS://example.org/b?c=1.',
      ['http://nas.local:80/a_(1).jpg', 'https://example.org/b?c=1'],
    ],
    ['Https://example.org/A.jpg S3://photos/B/', ['https://example.org/A.jpg', 's3://photos/B/']],
    ['<img src="https://example.org/a.jpg">', ['https://example.org/a.jpg']],
    ['# a comment of a list\r\nhttps://example.org/a.jpg\r\n', ['https://example.org/a.jpg']],
    ['mailto:ada@example.org, file:///etc/passwd, example.org', []],
    [' ', []],
  ])('%j has these addresses: %j', (text, addresses) => {
    expect(addressesIn(text)).toEqual(addresses);
  });

  const found = [
    's3://b/',
    'https://example.org/a.jpg',
    'https://ada:x@example.org/',
    'http://nas.local:8080/b',
  ];

  it('gives those that the operator allows, and says why not the others', () => {
    expect(takeAllowed(found, { allowBuckets: ['b'], allowUrls: ['public'] })).toEqual({
      taken: ['s3://b/', 'https://example.org/a.jpg'],
      refusals: [
        'Skipped https://ada:x@example.org/: it has a user name or password.',
        'This service may not fetch from nas.local:8080. Its operator can allow it (--allow-urls).',
      ],
    });
  });

  it('gives none if nothing is allowed, and says once how to turn it on', () => {
    expect(takeAllowed(found, { allowBuckets: [], allowUrls: [] })).toEqual({
      taken: [],
      refusals: [
        'This service reads no images from S3. Its operator can allow buckets (--allow-buckets).',
        'This service does not fetch web addresses. Its operator can turn that on (--allow-urls).',
      ],
    });
  });

  it('is shown by the name of the image and the host', () => {
    expect(partsOfAddress('https://example.org/2026/a.jpg?w=100')).toEqual({
      host: 'example.org',
      name: 'a.jpg',
    });
    expect(partsOfAddress('s3://photos/2026/b.jpg')).toEqual({ host: 'photos', name: 'b.jpg' });
  });
});

describe('the name of a file', () => {
  it.each([
    ['Wedding/church/IMG_1.jpg', 'IMG_1.jpg'],
    ['IMG_1.jpg', 'IMG_1.jpg'],
    ['Wedding/', 'Wedding/'],
    ['https://example.org/2026/a.jpg?w=100#top', 'a.jpg'],
    ['https://example.org', 'example.org'],
  ])('has no folders: %s', (path, name) => {
    expect(baseName(path)).toBe(name);
  });
});
