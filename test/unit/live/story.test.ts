/** The live test's own story, over a product that only plays a cluster: whatever happens, it is taken away again. */
import { describe, expect, it } from 'vitest';
import { type Run, type StoryOptions, tellStory } from '../../live/story.ts';
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

/** A cluster in words, and what a test has go wrong with it. */
class Stage {
  readonly clock = virtualClock();
  readonly ending = new AbortController();
  readonly commands: string[] = [];
  readonly said: string[] = [];
  readonly removed: string[] = [];
  machines = 0;
  exists = false;
  /** Answers a command in place of the cluster. */
  instead: (command: string, args: readonly string[]) => Partial<Run> | undefined = () => undefined;
  #looks = 0;

  async imgcls(args: readonly string[], signal: AbortSignal): Promise<Run> {
    // A command takes a while, in which others go on.
    await new Promise(setImmediate);
    const [command = ''] = args;
    if (command !== 'status') this.commands.push(command);
    const answer = { code: 0, stdout: '', ...this.instead(command, args) };
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
    for (const from = this.#looks; this.#looks < from + 2 && !signal.aborted; )
      await new Promise(setImmediate);
    return signal.aborted ? { code: 130, stdout: '' } : { code: 0, stdout: labels() };
  }

  #status(): string {
    this.#looks++;
    const atMs = this.clock.nowMs();
    const machines = Array.from({ length: this.machines }, (_, id) => ({ id: `i-${id}`, phase: 'busy' }));
    // After the work one machine goes at each look.
    if (this.commands.at(-1) === 'upload' && this.#looks % 3 === 0)
      this.machines = Math.max(0, this.machines - 1);
    return JSON.stringify({
      atMs,
      lock: { holder: 'c', renewedAtMs: atMs },
      report: { machines },
      workers: [],
    });
  }

  async tell(changes: Partial<StoryOptions> = {}): Promise<boolean> {
    return await tellStory({
      cluster: 'live-1',
      settingsFile: 'imgcls.config.json',
      photographs: { folder: 'photographs', expected },
      image: undefined,
      deployFlags: ['--with-endpoints'],
      imgcls: (args, signal) => this.imgcls(args, signal),
      removeImage: async (image) => void this.removed.push(image),
      leftovers: async () => (this.exists ? ['stack imgcls-live-1'] : []),
      clock: this.clock,
      say: (text) => this.said.push(text),
      signal: this.ending.signal,
      ...changes,
    });
  }
}

describe('the story of the live test', () => {
  it('goes from an account without a cluster to one without a cluster', async () => {
    const stage = new Stage();
    expect(await stage.tell()).toBe(true);
    expect(stage.commands).toEqual(['ami', 'deploy', 'doctor', 'upload', 'destroy']);
    expect(stage.removed).toEqual(['ami-0abc']);
    expect(stage.said.at(-1)).toBe('The story is told, and nothing is left.');
  });

  it('takes an image that is there, and leaves it there', async () => {
    const stage = new Stage();
    let deployed: readonly string[] = [];
    stage.instead = (command, args) => {
      if (command === 'deploy') deployed = args;
      return undefined;
    };
    expect(await stage.tell({ image: 'ami-0def' })).toBe(true);
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
  ])('takes everything away when %s, and fails', async (_what, command, answer) => {
    const stage = new Stage();
    stage.instead = (given) => (given === command ? answer : undefined);
    expect(await stage.tell()).toBe(false);
    expect(stage.commands.at(-1)).toBe('destroy');
    expect(stage.exists).toBe(false);
    expect(stage.removed).toEqual(command === 'ami' ? [] : ['ami-0abc']);
    expect(stage.said.join('\n')).toContain('It went wrong');
  });

  it('fails when machines are there without work', async () => {
    const stage = new Stage();
    stage.machines = 1;
    expect(await stage.tell()).toBe(false);
    expect(stage.said.join('\n')).toContain('There are 1 machines, and no work.');
    expect(stage.commands).not.toContain('upload');
  });

  it('fails when the fleet does not shrink', async () => {
    const stage = new Stage();
    stage.instead = (command) => {
      if (command === 'status' && stage.commands.at(-1) === 'upload') stage.machines = 2;
      return undefined;
    };
    expect(await stage.tell()).toBe(false);
    expect(stage.said.join('\n')).toContain('Waited 15 minutes in vain until no machine is left');
  });

  it('fails when more machines are there than may be', async () => {
    const stage = new Stage();
    stage.instead = (command) => {
      if (command === 'status' && stage.commands.at(-1) === 'upload' && stage.machines > 0)
        stage.machines = 5;
      return undefined;
    };
    expect(await stage.tell()).toBe(false);
    expect(stage.said.join('\n')).toContain('There were 5 machines');
  });

  it('takes everything away when its time is up in the midst of an act', async () => {
    const stage = new Stage();
    stage.instead = (command) => {
      if (command === 'upload') stage.ending.abort(new Error('Its time is up.'));
      return undefined;
    };
    expect(await stage.tell()).toBe(false);
    expect(stage.said).toContain('It went wrong: Its time is up.');
    expect(stage.commands.at(-1)).toBe('destroy');
    expect(stage.exists).toBe(false);
  });

  it('tries twice to take everything away, and else says what is left', async () => {
    const stage = new Stage();
    stage.instead = (command) => (command === 'destroy' ? { code: 1 } : undefined);
    expect(await stage.tell()).toBe(false);
    expect(stage.commands.filter((command) => command === 'destroy')).toHaveLength(2);
    expect(stage.said.join('\n')).toMatch(/NOT CLEAN: "imgcls destroy .*run it again by hand/);
    expect(stage.said).toContain('NOT CLEAN: stack imgcls-live-1 is left.');
    expect(stage.removed).toEqual(['ami-0abc']);
  });
});
