// The steps of the live test against a fake cluster: in any case it deletes everything.

import { describe, expect, it } from 'vitest';
import { type LiveTestOptions, type Run, runLiveTest } from '../../live/live-test.ts';
import { virtualClock } from '../virtual-clock.ts';

const expected = new Map([
  ['a.jpg', ['n1', 'n2']],
  ['b.jpg', ['n3']],
]);
const labels = (b = 'n3') =>
  [
    { name: 'a.jpg', wnid: 'n2' },
    { name: 'b.jpg', wnid: b },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n');

/** A fake cluster whose commands a test can replace. */
class Stage {
  readonly clock = virtualClock();
  readonly ending = new AbortController();
  readonly commands: string[] = [];
  readonly messages: string[] = [];
  readonly removed: string[] = [];
  machines = 0;
  exists = false;
  /** Overrides the result of a command. */
  override: (command: string, args: readonly string[]) => Partial<Run> | undefined = () => undefined;
  #statusCount = 0;

  async imgcls(args: readonly string[], signal: AbortSignal): Promise<Run> {
    // Lets concurrent commands run.
    await new Promise(setImmediate);
    const [command = ''] = args;
    if (command !== 'status') this.commands.push(command);
    const answer = { code: 0, stdout: '', ...this.override(command, args) };
    if (answer.code !== 0 || answer.stdout !== '') return answer;
    if (command === 'ami') return { code: 0, stdout: 'ami-0abc\n' };
    if (command === 'deploy') this.exists = true;
    if (command === 'destroy') {
      this.exists = false;
      this.machines = 0;
    }
    if (command === 'status') return { code: 0, stdout: this.#status() };
    if (command === 'upload') return await this.#upload(signal);
    return answer;
  }

  async #upload(signal: AbortSignal): Promise<Run> {
    this.machines = 2;
    for (const from = this.#statusCount; this.#statusCount < from + 2 && !signal.aborted; )
      await new Promise(setImmediate);
    return signal.aborted ? { code: 130, stdout: '' } : { code: 0, stdout: labels() };
  }

  #status(): string {
    this.#statusCount++;
    const atMs = this.clock.nowMs();
    const machines = Array.from({ length: this.machines }, (_, id) => ({ id: `i-${id}`, phase: 'busy' }));
    // After the work the fleet shrinks with each third status.
    if (this.commands.at(-1) === 'upload' && this.#statusCount % 3 === 0)
      this.machines = Math.max(0, this.machines - 1);
    return JSON.stringify({
      atMs,
      lock: { holder: 'c', renewedAtMs: atMs },
      report: { machines },
      workers: [],
    });
  }

  async run(changes: Partial<LiveTestOptions> = {}): Promise<boolean> {
    return await runLiveTest({
      cluster: 'live-1',
      settingsFile: 'imgcls.config.json',
      photographs: { folder: 'photographs', expected },
      image: undefined,
      deployFlags: ['--network', 'public'],
      imgcls: (args, signal) => this.imgcls(args, signal),
      removeImage: async (image) => void this.removed.push(image),
      leftovers: async () => (this.exists ? ['stack imgcls-live-1'] : []),
      clock: this.clock,
      say: (text) => this.messages.push(text),
      signal: this.ending.signal,
      ...changes,
    });
  }
}

describe('the live test', () => {
  it('deploys a cluster, runs its steps and destroys the cluster', async () => {
    const stage = new Stage();
    expect(await stage.run()).toBe(true);
    expect(stage.commands).toEqual(['ami', 'deploy', 'doctor', 'upload', 'destroy']);
    expect(stage.removed).toEqual(['ami-0abc']);
    expect(stage.messages.at(-1)).toBe('The live test passed. Nothing remains.');
  });

  it('uses an existing image, and keeps it', async () => {
    const stage = new Stage();
    let deployed: readonly string[] = [];
    stage.override = (command, args) => {
      if (command === 'deploy') deployed = args;
      return undefined;
    };
    expect(await stage.run({ image: 'ami-0def' })).toBe(true);
    expect(deployed.join(' ')).toContain('--image ami-0def --instance-type c7i.large --max 2');
    expect(stage.removed).toEqual([]);
  });

  it.each([
    ['the image cannot be built', 'ami', { code: 1 }],
    ['the image has no name', 'ami', { stdout: 'done\n' }],
    ['the cluster cannot be deployed', 'deploy', { code: 1 }],
    ['the doctor finds something', 'doctor', { code: 1 }],
    ['an image has an error', 'upload', { code: 3 }],
    ['a label is wrong', 'upload', { stdout: labels('n7') }],
    ['an image has no outcome', 'upload', { stdout: labels().split('\n')[0] ?? '' }],
  ])('cleans up when %s, and fails', async (_what, command, answer) => {
    const stage = new Stage();
    stage.override = (given) => (given === command ? answer : undefined);
    expect(await stage.run()).toBe(false);
    expect(stage.commands.at(-1)).toBe('destroy');
    expect(stage.exists).toBe(false);
    expect(stage.removed).toEqual(command === 'ami' ? [] : ['ami-0abc']);
    expect(stage.messages.join('\n')).toContain('Failed: ');
  });

  it('fails when machines run without work', async () => {
    const stage = new Stage();
    stage.machines = 1;
    expect(await stage.run()).toBe(false);
    expect(stage.messages.join('\n')).toContain('The fleet has 1 machines without work.');
    expect(stage.commands).not.toContain('upload');
  });

  it('fails when the fleet does not shrink', async () => {
    const stage = new Stage();
    stage.override = (command) => {
      if (command === 'status' && stage.commands.at(-1) === 'upload') stage.machines = 2;
      return undefined;
    };
    expect(await stage.run()).toBe(false);
    expect(stage.messages.join('\n')).toContain(
      'Timed out after 15 minutes waiting until the fleet is empty',
    );
  });

  it('fails when the fleet exceeds its limit', async () => {
    const stage = new Stage();
    stage.override = (command) => {
      if (command === 'status' && stage.commands.at(-1) === 'upload' && stage.machines > 0)
        stage.machines = 5;
      return undefined;
    };
    expect(await stage.run()).toBe(false);
    expect(stage.messages.join('\n')).toContain('The fleet had 5 machines; the limit is 2.');
  });

  it('cleans up after a timeout within a step', async () => {
    const stage = new Stage();
    stage.override = (command) => {
      if (command === 'upload') stage.ending.abort(new Error('Timed out.'));
      return undefined;
    };
    expect(await stage.run()).toBe(false);
    expect(stage.messages).toContain('Failed: Timed out.');
    expect(stage.commands.at(-1)).toBe('destroy');
    expect(stage.exists).toBe(false);
  });

  it('tries twice to clean up, and reports what remains', async () => {
    const stage = new Stage();
    stage.override = (command) => (command === 'destroy' ? { code: 1 } : undefined);
    expect(await stage.run()).toBe(false);
    expect(stage.commands.filter((command) => command === 'destroy')).toHaveLength(2);
    expect(stage.messages.join('\n')).toMatch(/NOT CLEAN: "imgcls destroy .*run it yourself/);
    expect(stage.messages).toContain('NOT CLEAN: stack imgcls-live-1 remains.');
    expect(stage.removed).toEqual(['ami-0abc']);
  });
});
