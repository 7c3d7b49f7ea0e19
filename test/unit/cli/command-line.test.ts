import { describe, expect, it } from 'vitest';
import { commandOf, withLabel, withSamples } from '../../../src/cli/command-line.ts';

const exists = (file: string) => file === 'photos';

describe('a command line', () => {
  it.each([
    ['photos', 'label photos'],
    ['photos/', 'label photos/'],
    ['x.HEIC', 'label x.HEIC'],
    ['-', 'label -'],
    ['s3://bucket/prefix', 'label s3://bucket/prefix'],
    ['*.jpg', 'label *.jpg'],
    ['-o labels.csv photos', 'label -o labels.csv photos'],
    ['-k 3 photos', 'label -k 3 photos'],
    ['--data-dir here photos', 'label --data-dir here photos'],
  ])('of inputs alone labels them: %s', (given, completed) => {
    expect(withLabel(given.split(' '), exists).join(' ')).toBe(completed);
  });

  it.each([
    'label photos',
    'upload photos',
    'jobs',
    'help photos',
    '--version',
    '-h',
    'uplaod',
    'uplaod photos',
    '--data-dir photos',
  ])('is left as it is: %s', (given) => {
    expect(withLabel(given.split(' '), exists).join(' ')).toBe(given);
  });

  it.each([
    ['samples', '/package/samples'],
    ['label samples', '/package/samples'],
    ['-q samples', '/package/samples'],
    ['find samples', 'samples'],
    ['photos samples', 'samples'],
  ])('names the photographs of the package where there is no such folder: %s', (given, last) => {
    expect(withSamples(given.split(' '), exists, '/package/samples').at(-1)).toBe(last);
    expect(withSamples(given.split(' '), () => true, '/package/samples').at(-1)).toBe('samples');
  });

  it('leaves other words as they are: those of options', () => {
    const given = '--cluster samples samples -o samples'.split(' ');
    const meant = ['--cluster', 'samples', '/package/samples', '-o', 'samples'];
    expect(withSamples(given, exists, '/package/samples')).toEqual(meant);
  });

  it.each([
    ['jobs --limit 3', 'jobs'],
    ['--cluster jobs status', 'status'],
    ['-q upload photos', 'label'],
    ['help upload', 'label'],
    ['label jobs', 'label'],
    ['help', undefined],
    ['nosuch jobs', undefined],
  ])('runs a command: %s', (given, command) => {
    expect(commandOf(given.split(' '))).toBe(command);
  });
});
