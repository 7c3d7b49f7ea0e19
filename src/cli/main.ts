// The command line: finds the command, loads it alone, and turns whatever it throws into a message and an exit code.
import { Command, CommanderError } from 'commander';
import { version } from '../app/version.ts';
import { throwUsageErrors } from './terminal/usage-error.ts';

interface CommandModule {
  register(program: Command): void;
}

/** A command's code, and what it brings along, is loaded when it is named: help needs none of it. */
const commands: Record<string, { summary: string; load(): Promise<CommandModule> }> = {
  upload: {
    summary: 'label images: files, folders, globs, s3://bucket/prefix, or - for a list',
    load: () => import('./commands/jobs/upload.ts'),
  },
  up: {
    summary: 'everything on one machine: page, controller, workers',
    load: () => import('./commands/service/up.ts'),
  },
  results: { summary: 'print the outcomes of a job', load: () => import('./commands/jobs/results.ts') },
  resume: {
    summary: 'go on with an upload that was cut short',
    load: () => import('./commands/jobs/resume.ts'),
  },
  retry: { summary: 'try the failed images of a job again', load: () => import('./commands/jobs/retry.ts') },
  jobs: { summary: 'list jobs and how far they are', load: () => import('./commands/jobs/jobs.ts') },
  cancel: { summary: 'give a job up', load: () => import('./commands/jobs/cancel.ts') },
  rm: { summary: 'delete a job and its results', load: () => import('./commands/jobs/rm.ts') },
  gc: { summary: 'delete what nobody needs any more', load: () => import('./commands/jobs/gc.ts') },
  dlq: {
    summary: 'list, show, redrive and purge dead letters',
    load: () => import('./commands/jobs/dlq.ts'),
  },
  serve: { summary: 'the page and the REST service', load: () => import('./commands/service/serve.ts') },
  scale: {
    summary: 'launch and end workers as the work needs',
    load: () => import('./commands/fleet/scale.ts'),
  },
  status: {
    summary: 'show jobs, queues, workers, cost, and why',
    load: () => import('./commands/fleet/status.ts'),
  },
  worker: {
    summary: 'classify what is in the request queue',
    load: () => import('./commands/fleet/worker.ts'),
  },
  model: {
    summary: 'list, pull, import, verify and remove models',
    load: () => import('./commands/models/model.ts'),
  },
  eval: {
    summary: 'how often a model is right on labelled images',
    load: () => import('./commands/models/eval.ts'),
  },
  bench: {
    summary: 'measure latency, throughput and boot time; simulate scaling',
    load: () => import('./commands/models/bench.ts'),
  },
  deploy: {
    summary: 'make or change a cluster on AWS',
    load: () => import('./commands/aws/deploy.ts'),
  },
  ami: { summary: 'build and list machine images of workers', load: () => import('./commands/aws/ami.ts') },
  destroy: { summary: 'take a cluster on AWS away again', load: () => import('./commands/aws/destroy.ts') },
  doctor: { summary: 'check all that imgcls stands on', load: () => import('./commands/doctor.ts') },
  config: {
    summary: 'print every setting and where it comes from',
    load: () => import('./commands/config.ts'),
  },
};

/** Runs one command line and sets the exit code of the process. */
export async function run(args: readonly string[]): Promise<void> {
  const program = new Command('imgcls')
    .description(
      'Labels images with a pretrained ResNet, on one machine or on a fleet that follows the work.',
    )
    .version(version)
    .option('--cluster <name>', 'the deployment to work with')
    .option('--data-dir <folder>', 'folder of the embedded cloud and of models')
    .option('--debug', 'print the stack of an error');
  const named = commandOf(args);
  for (const [name, { summary, load }] of Object.entries(commands)) {
    if (name === named) (await load()).register(program);
    else program.command(name).description(summary);
  }
  throwUsageErrors(program);
  process.stdout.on('error', standardOutputFailed);
  try {
    await program.parseAsync(withoutUnknownHelp(args), { from: 'user' });
  } catch (error) {
    process.exitCode =
      error instanceof CommanderError ? helpExitCode(error) : await report(error, program.opts().debug);
  }
}

/** The first word that is no flag and no value of one. */
function commandOf(args: readonly string[]): string | undefined {
  const isValue = (at: number) => ['--cluster', '--data-dir'].includes(args[at - 1] ?? '');
  return args.find((arg, at) => Object.hasOwn(commands, arg) && !isValue(at));
}

/** Commander prints the help for `help NOSUCH`, without an error. */
function withoutUnknownHelp(args: readonly string[]): readonly string[] {
  const [first, name] = args;
  const isUnknown = first === 'help' && name !== undefined && !Object.hasOwn(commands, name);
  return isUnknown ? args.slice(1) : args;
}

/** A reader that has seen enough is no failure; whoever waits for its pipe to empty is told by the pipe itself. */
function standardOutputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`error: Cannot write to standard output: ${error.message}\n`);
  process.exitCode = 1;
}

/** Help that was asked for, or that stands in for a missing command. */
const helpExitCode = ({ exitCode }: CommanderError): number => (exitCode === 0 ? 0 : 2);

async function report(error: unknown, debug: boolean): Promise<number> {
  const { exitCodeOf, printError } = await import('./terminal/exit.ts');
  printError(error);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodeOf(error);
}
