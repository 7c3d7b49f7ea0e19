// `imgcls model ...`: the models of this machine. Help loads neither the model runtime nor an SDK.

import { type Command, Option } from 'commander';
import { ImgclsError } from '../../../core/runtime/errors.ts';
import { examples, share } from '../../flags.ts';
import type { BenchFlags } from '../../models/bench.ts';
import type { ModelCommandDeps } from '../../models/model.ts';
import type { PullFlags } from '../../models/pull.ts';

type Format = 'table' | 'json';

interface VerifyFlags {
  images?: string;
  tolerance: number;
}

interface ImportFlags extends VerifyFlags {
  name?: string;
  variant?: 'fp32' | 'int8';
}

/** Two of a hundred images, as for the bundled model (tools/starter-model): a smaller difference is noise. */
const TOLERANCE = 0.02;

export function register(program: Command): void {
  registerModel(program, async () => {
    const [{ loadSettings }, { openModelLibrary: openLibrary }, { openOptimisedModels }] = await Promise.all([
      import('../../../app/settings.ts'),
      import('../../../app/select-job-model.ts'),
      import('../../../app/optimised-models.ts'),
    ]);
    const { settings } = loadSettings({
      cluster: program.opts().cluster,
      dataDir: program.opts().dataDir,
    });
    const [{ readOnlyBucket: foreignBucket }, { openGate }, { openMeter }] = await Promise.all([
      import('../../../app/read-only-bucket.ts'),
      import('../../models/gate.ts'),
      import('../../models/meter.ts'),
    ]);
    const [{ hubAccess }, { systemClock }] = await Promise.all([
      import('../../../app/hub-access.ts'),
      import('../../../app/system-clock.ts'),
    ]);
    const interrupted = new AbortController();
    // Once only: a second Ctrl-C ends the process.
    process.once('SIGINT', () => interrupted.abort());
    return {
      library: openLibrary(settings),
      optimised: openOptimisedModels(settings),
      settings,
      openStore: (bucket: string) => foreignBucket(bucket, settings),
      async openOutput() {
        const { openCloud } = await import('../../../app/open-cloud.ts');
        const cloud = await openCloud(settings);
        return { store: cloud.output, close: () => cloud.close() };
      },
      hub: () => hubAccess(process.env),
      clock: systemClock,
      gate: openGate(settings, interrupted.signal, Date.now),
      measure: openMeter(settings, interrupted.signal),
      nowMs: Date.now,
      out: process.stdout,
      err: process.stderr,
      interrupted: interrupted.signal,
    };
  });
}

/** Adds the commands. @param open opens their dependencies when one of them runs. */
export function registerModel(program: Command, open: () => Promise<ModelCommandDeps>): void {
  const model = program.command('model').description('Manage the models of this machine.');
  const format = () =>
    new Option('-f, --format <format>', 'Output format').choices(['table', 'json']).default('table');
  const tolerance = () =>
    new Option('--tolerance <share>', 'Maximum loss of accuracy of int8, as a share of the images')
      .default(TOLERANCE)
      .argParser(share);
  const variant = (what: string, choices: string[]) =>
    new Option('--variant <variant>', what).choices(choices);

  model
    .command('list')
    .description('List the installed models and those that can be pulled.')
    .addHelpText('after', examples('imgcls model list'))
    .addOption(format())
    .action(async (flags: { format: Format }) =>
      (await import('../../models/list.ts')).list(await open(), flags.format),
    );
  model
    .command('info')
    .description('Print the details of a model.')
    .addHelpText('after', examples('imgcls model info resnet50'))
    .argument('<model>', 'NAME or NAME/VARIANT')
    .addOption(format())
    .action(async (title: string, flags: { format: Format }) =>
      (await import('../../models/list.ts')).info(await open(), title, flags.format),
    );
  model
    .command('pull')
    .description(
      "Download a model and check it: one of the ONNX Model Zoo, of the Hugging Face Hub (hf:OWNER/NAME), or any other from the cluster's output bucket.",
    )
    .addHelpText(
      'after',
      examples(
        'imgcls model pull resnet50',
        'imgcls model pull hf:Xenova/vit-base-patch16-224',
        'imgcls model pull resnet50 --source cluster',
      ),
    )
    .argument('<name>', 'Name of a model (see "imgcls model list"), or hf:OWNER/NAME[@REVISION][#PRECISION]')
    .addOption(
      variant('Weights to pull (default: by the features of the CPU; of the Hugging Face Hub fp32)', [
        'auto',
        'fp32',
        'int8',
      ]),
    )
    .option(
      '--source <address>',
      'Location of the file: https://..., a path, s3://bucket/key, or cluster (the output bucket)',
    )
    .option('--name <name>', 'Name for a model of the Hugging Face Hub (default: that of its repository)')
    .option('--accept-licence', 'Accept the licence and conditions of a model of the Hugging Face Hub')
    .action(async (name: string, flags: PullFlags) =>
      (await import('../../models/pull.ts')).pull(await open(), name, flags),
    );
  model
    .command('use')
    .description('Choose the model of jobs that name none. The setting model and --model come first.')
    .addHelpText('after', examples('imgcls model use resnet50', 'imgcls model use efficientnet-lite0'))
    .argument('<name>', 'Name of an installed model')
    .action(async (name: string) => (await import('../../models/default.ts')).use(await open(), name));
  model
    .command('import')
    .description(
      'Install an ONNX image classifier, with the model.json and the labels.json or labels.txt beside it, or in the layout of the Hugging Face Hub.',
    )
    .addHelpText(
      'after',
      examples('imgcls model import classifier.onnx --name mine', 'imgcls model import my-vit/'),
    )
    .argument('<path>', 'An .onnx file, or a folder with one')
    .option('--name <name>', 'Name of the model (default: from its recipe or file name)')
    .addOption(variant('Precision of the weights (default: detected)', ['fp32', 'int8']))
    .option(
      '--images <folder>',
      'Labelled images to compare on; an int8 variant that loses more than the tolerance is refused',
    )
    .addOption(tolerance())
    .action(async (path: string, flags: ImportFlags) =>
      (await import('../../models/model.ts')).importOne(await open(), path, flags),
    );
  model
    .command('optimize')
    .description(
      'Optimise models for the CPU of this machine, to load faster. Workers do so when they first use a model.',
    )
    .addHelpText('after', examples('imgcls model optimize resnet50'))
    .argument('[model]', 'NAME or NAME/VARIANT (default: all)')
    .action(async (title: string | undefined) =>
      (await import('../../models/model.ts')).optimize(await open(), title),
    );
  model
    .command('remove')
    .alias('rm')
    .description('Remove an installed model.')
    .addHelpText('after', examples('imgcls model remove resnet50/int8'))
    .argument('<model>', 'NAME or NAME/VARIANT')
    .action(async (title: string) =>
      (await import('../../models/default.ts')).removeModel(await open(), title),
    );
  model
    .command('verify')
    .description(
      'Check the sha256 of models, load them and run them once. With --images, compare int8 with fp32.',
    )
    .addHelpText('after', examples('imgcls model verify resnet50 --images photos/'))
    .argument('[model]', 'NAME or NAME/VARIANT (default: all)')
    .option(
      '--images <folder>',
      'Labelled images to compare on; a variant that loses more than the tolerance is not chosen automatically',
    )
    .addOption(tolerance())
    .action(async (title: string | undefined, { images, tolerance }: VerifyFlags) => {
      const { compareModels: compare, verify } = await import('../../models/model.ts');
      if (images === undefined) return await verify(await open(), title);
      if (title === undefined)
        throw new ImgclsError('usage', '--images can only be used with the name of a model.', {
          hint: 'imgcls model verify --help',
        });
      return await compare(await open(), title, { images, tolerance });
    });
  model
    .command('bench')
    .description(
      'Measure how many images a second models do on a core of this machine, for quotes and the controller.',
    )
    .addHelpText('after', examples('imgcls model bench', 'imgcls model bench resnet50/int8 --images photos/'))
    .argument('[model]', 'NAME or NAME/VARIANT (default: all)')
    .option('--images <folder>', 'JPEG and PNG files to measure with (default: crops of the samples)')
    .addOption(format())
    .action(async (title: string | undefined, flags: BenchFlags) =>
      (await import('../../models/bench.ts')).benchModels(await open(), title, flags),
    );
  model
    .command('push')
    .description("Copy a model to the cluster's output bucket, from which workers download missing models.")
    .addHelpText('after', examples('imgcls model push resnet50'))
    .argument('<model>', 'NAME or NAME/VARIANT')
    .action(async (title: string) => (await import('../../models/model.ts')).push(await open(), title));
}
