import type { Command } from 'commander';

export interface CommandModule {
  /** @param complete the program with all its commands, for those that describe them. */
  register(program: Command, complete: () => Promise<Command>): void;
}

export interface ListedCommand {
  summary: string;
  /** An older name, which works alike. */
  alias?: string;
  load(): Promise<CommandModule>;
}

/** All commands, in the groups and the order of the help. The code of one is loaded only when it is named, so help is fast. */
export const COMMAND_GROUPS: Readonly<Record<string, Readonly<Record<string, ListedCommand>>>> = {
  'Label images:': {
    label: {
      summary: 'Label files, folders, globs, s3://bucket/prefix, web addresses, or - for a list',
      alias: 'upload',
      load: () => import('./commands/jobs/label.ts'),
    },
    up: {
      summary: 'Run everything on one machine: controller, workers, web page and REST API',
      load: () => import('./commands/service/up.ts'),
    },
  },
  'Look at jobs:': {
    results: {
      summary: 'Print the outcomes of a job; by default, of the newest one',
      load: () => import('./commands/jobs/results.ts'),
    },
    jobs: { summary: 'List jobs and their progress', load: () => import('./commands/jobs/jobs.ts') },
    status: {
      summary: 'Show jobs, queues, workers and cost',
      load: () => import('./commands/fleet/status.ts'),
    },
  },
  'Use labels:': {
    find: {
      summary: 'Find photographs by label over all jobs, and duplicate files',
      load: () => import('./commands/photos/find.ts'),
    },
    tag: {
      summary: 'Write labels into XMP sidecars, for Lightroom, digiKam, darktable and Immich',
      load: () => import('./commands/photos/tag.ts'),
    },
    sort: {
      summary: 'Link, copy or move photographs into a folder for each label',
      load: () => import('./commands/photos/sort.ts'),
    },
    watch: {
      summary: 'Label what is new in a folder, and tag it, sort it or run a command for it',
      load: () => import('./commands/photos/watch.ts'),
    },
  },
  'Change jobs:': {
    resume: {
      summary: 'Continue an interrupted upload',
      load: () => import('./commands/jobs/resume.ts'),
    },
    retry: { summary: 'Retry the failed images of a job', load: () => import('./commands/jobs/retry.ts') },
    cancel: { summary: 'Cancel a job', load: () => import('./commands/jobs/cancel.ts') },
    rm: { summary: 'Delete a job and its results', load: () => import('./commands/jobs/rm.ts') },
    gc: {
      summary: 'Delete expired jobs, orphaned queues and unused images',
      load: () => import('./commands/jobs/gc.ts'),
    },
  },
  'Models:': {
    model: {
      summary: 'List, pull, import, verify and remove models',
      load: () => import('./commands/models/model.ts'),
    },
    eval: {
      summary: 'Measure the accuracy of a model on labelled images',
      load: () => import('./commands/models/eval.ts'),
    },
  },
  'Workers and service:': {
    serve: {
      summary: 'Serve the web page and the REST API',
      load: () => import('./commands/service/serve.ts'),
    },
    scale: {
      summary: 'Run the controller, which launches and ends workers',
      load: () => import('./commands/fleet/scale.ts'),
    },
    cluster: {
      summary: 'Show and change the settings of a running cluster',
      load: () => import('./commands/fleet/cluster.ts'),
    },
    worker: {
      summary: 'Classify images from the request queue',
      load: () => import('./commands/fleet/worker.ts'),
    },
    dlq: {
      summary: 'List, show, redrive and purge dead letters',
      load: () => import('./commands/dlq/dlq.ts'),
    },
    bench: {
      summary: 'Measure latency, throughput and boot time; simulate scaling',
      load: () => import('./commands/bench/bench.ts'),
    },
  },
  'AWS:': {
    deploy: {
      summary: 'Create or update a cluster on AWS',
      load: () => import('./commands/aws/deploy.ts'),
    },
    ami: {
      summary: 'Build and list machine images of workers',
      load: () => import('./commands/aws/ami.ts'),
    },
    destroy: { summary: 'Delete a cluster on AWS', load: () => import('./commands/aws/destroy.ts') },
  },
  'Help and settings:': {
    doctor: {
      summary: 'Check credentials, network, buckets, queues and models',
      load: () => import('./commands/doctor/doctor.ts'),
    },
    config: {
      summary: 'Print all settings and where they come from',
      load: () => import('./commands/config.ts'),
    },
    completion: {
      summary: 'Print the completions for bash, zsh, fish or PowerShell',
      load: () => import('./commands/help/completion.ts'),
    },
    man: { summary: 'Print the manual page', load: () => import('./commands/help/man.ts') },
  },
};

const named = new Map<string, string>();
for (const group of Object.values(COMMAND_GROUPS))
  for (const [name, { alias = name }] of Object.entries(group)) named.set(alias, name).set(name, name);

/** The command of this name or alias. */
export const commandNamed = (word: string | undefined): string | undefined =>
  word === undefined ? undefined : named.get(word);
