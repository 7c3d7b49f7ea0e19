// The command line. commands/GROUP/X.ts declares the flags of a command, and GROUP/X.ts does its work.
import { Command, CommanderError } from 'commander';
import { version } from '../app/version.ts';
import { throwUsageErrors } from './terminal/usage-error.ts';

interface CommandModule {
  register(program: Command): void;
}

/** The code of a command is loaded only when the command line names it, so `imgcls --help` is fast. */
const commands: Record<string, { summary: string; load(): Promise<CommandModule> }> = {
  upload: {
    summary: 'Label images: files, folders, globs, s3://bucket/prefix, or - for a list of paths',
    load: () => import('./commands/jobs/upload.ts'),
  },
  up: {
    summary: 'Run everything on one machine: controller, workers, web page and REST API',
    load: () => import('./commands/service/up.ts'),
  },
  results: { summary: 'Print the outcomes of a job', load: () => import('./commands/jobs/results.ts') },
  resume: {
    summary: 'Continue an interrupted upload',
    load: () => import('./commands/jobs/resume.ts'),
  },
  retry: { summary: 'Retry the failed images of a job', load: () => import('./commands/jobs/retry.ts') },
  jobs: { summary: 'List jobs and their progress', load: () => import('./commands/jobs/jobs.ts') },
  cancel: { summary: 'Cancel a job', load: () => import('./commands/jobs/cancel.ts') },
  rm: { summary: 'Delete a job and its results', load: () => import('./commands/jobs/rm.ts') },
  gc: {
    summary: 'Delete expired jobs, orphaned queues and unused images',
    load: () => import('./commands/jobs/gc.ts'),
  },
  dlq: {
    summary: 'List, show, redrive and purge dead letters',
    load: () => import('./commands/dlq/dlq.ts'),
  },
  serve: {
    summary: 'Serve the web page and the REST API',
    load: () => import('./commands/service/serve.ts'),
  },
  scale: {
    summary: 'Run the controller, which launches and ends workers',
    load: () => import('./commands/fleet/scale.ts'),
  },
  status: {
    summary: 'Show jobs, queues, workers and cost',
    load: () => import('./commands/fleet/status.ts'),
  },
  worker: {
    summary: 'Classify images from the request queue',
    load: () => import('./commands/fleet/worker.ts'),
  },
  model: {
    summary: 'List, pull, import, verify and remove models',
    load: () => import('./commands/models/model.ts'),
  },
  eval: {
    summary: 'Measure the accuracy of a model on labelled images',
    load: () => import('./commands/models/eval.ts'),
  },
  bench: {
    summary: 'Measure latency, throughput and boot time; simulate scaling',
    load: () => import('./commands/bench/bench.ts'),
  },
  deploy: {
    summary: 'Create or update a cluster on AWS',
    load: () => import('./commands/aws/deploy.ts'),
  },
  ami: { summary: 'Build and list machine images of workers', load: () => import('./commands/aws/ami.ts') },
  destroy: { summary: 'Delete a cluster on AWS', load: () => import('./commands/aws/destroy.ts') },
  doctor: {
    summary: 'Check credentials, network, buckets, queues and models',
    load: () => import('./commands/doctor/doctor.ts'),
  },
  config: {
    summary: 'Print all settings and where they come from',
    load: () => import('./commands/config.ts'),
  },
};

/** Runs one command line and sets the exit code of the process. */
export async function run(args: readonly string[]): Promise<void> {
  const program = new Command('imgcls')
    .description(
      'Label images with a pretrained model, on one machine or on a fleet that scales with the work.',
    )
    .version(version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Show help')
    .helpCommand('help [command]', 'Show help for a command')
    .option('--cluster <name>', 'Name of the cluster')
    .option('--data-dir <folder>', 'Folder of the embedded cloud and of downloaded models')
    .option('--debug', 'Print the stack trace of an error');
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
    exitWhenWritten();
  }
}

/** The command that is named, leaving out values of global options. */
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

/** A closed pipe is no failure of ours. The stream reports it to pending writes. */
function standardOutputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`error: Cannot write to standard output: ${error.message}\n`);
  process.exitCode = 1;
}

/** The AWS SDK keeps the timers of retries that were aborted. The process would wait for them, up to 20 s for each. */
function exitWhenWritten(): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}

/** Help that was asked for exits with 0; help in place of a missing command with 2. */
const helpExitCode = ({ exitCode }: CommanderError): number => (exitCode === 0 ? 0 : 2);

async function report(error: unknown, debug: boolean): Promise<number> {
  const { exitCodeOf, printError } = await import('./terminal/exit.ts');
  printError(error);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodeOf(error);
}
