// `imgcls model ...`: the models of this machine. Help loads neither the model runtime nor an SDK.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { ImgclsError } from '../../../core/runtime/errors.ts';
import type { VariantSetting } from '../../../model/variant.ts';
import type { ModelCommandDeps } from '../../models/model.ts';

type Format = 'table' | 'json';

interface VerifyFlags {
  images?: string;
  tolerance: number;
}

interface ImportFlags extends VerifyFlags {
  name?: string;
  variant?: 'fp32' | 'int8';
}

/** Two of a hundred, as for the bundled model (tools/starter-model): on so few images, less is chance. */
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
    const [{ readOnlyBucket: foreignBucket }, { openGate }] = await Promise.all([
      import('../../../app/read-only-bucket.ts'),
      import('../../models/gate.ts'),
    ]);
    const interrupted = new AbortController();
    // Once: a second Ctrl-C ends the process.
    process.once('SIGINT', () => interrupted.abort());
    return {
      library: openLibrary(settings),
      optimised: openOptimisedModels(settings),
      settings,
      openStore: foreignBucket,
      async openOutput() {
        const { openCloud } = await import('../../../app/open-cloud.ts');
        const cloud = await openCloud(settings);
        return { store: cloud.output, close: () => cloud.close() };
      },
      gate: openGate(settings, interrupted.signal, Date.now),
      out: process.stdout,
      err: process.stderr,
      interrupted: interrupted.signal,
    };
  });
}

/** Adds the commands. @param open builds what they work with, when one of them runs. */
export function registerModel(program: Command, open: () => Promise<ModelCommandDeps>): void {
  const model = program.command('model').description('The models of this machine.');
  const format = () =>
    new Option('--format <format>', 'how it is written').choices(['table', 'json']).default('table');
  const tolerance = () =>
    new Option('--tolerance <share>', 'the most that int8 may lose, as a share of the images')
      .default(TOLERANCE)
      .argParser(share);
  const variant = (what: string, choices: string[]) =>
    new Option('--variant <variant>', what).choices(choices);

  model
    .command('list')
    .description('Lists the models that are installed and those that can be pulled.')
    .addOption(format())
    .action(async (flags: { format: Format }) =>
      (await import('../../models/model.ts')).list(await open(), flags.format),
    );
  model
    .command('info')
    .description('Prints what is known of a model.')
    .argument('<model>', 'NAME or NAME/VARIANT')
    .addOption(format())
    .action(async (title: string, flags: { format: Format }) =>
      (await import('../../models/model.ts')).info(await open(), title, flags.format),
    );
  model
    .command('pull')
    .description('Downloads a model of the ONNX Model Zoo and checks it; goes on where it broke off.')
    .argument('<name>', 'resnet50, for one ("imgcls model list" shows all)')
    .addOption(variant('weights to pull; else by the features of the CPU', ['auto', 'fp32', 'int8']))
    .option('--source <address>', 'where the file is: https://..., a path, or s3://bucket/key')
    .action(async (name: string, flags: { variant?: VariantSetting; source?: string }) =>
      (await import('../../models/model.ts')).pull(await open(), name, flags),
    );
  model
    .command('import')
    .description('Installs any ONNX image classifier; a model.json and labels.json beside it are used.')
    .argument('<path>', 'an .onnx file, or a folder with one')
    .option('--name <name>', 'what to call it; else by its recipe or file name')
    .addOption(variant('what it is; else found out', ['fp32', 'int8']))
    .option('--images <folder>', 'labelled images: an int8 variant that loses too many of them is refused')
    .addOption(tolerance())
    .action(async (path: string, flags: ImportFlags) =>
      (await import('../../models/model.ts')).importOne(await open(), path, flags),
    );
  model
    .command('optimize')
    .description(
      'Prepares models for this CPU, so that they load faster; workers do so when they first use one.',
    )
    .argument('[model]', 'NAME or NAME/VARIANT; else all')
    .action(async (title: string | undefined) =>
      (await import('../../models/model.ts')).optimize(await open(), title),
    );
  model
    .command('remove')
    .alias('rm')
    .description('Removes an installed model.')
    .argument('<model>', 'NAME or NAME/VARIANT')
    .action(async (title: string) =>
      (await import('../../models/model.ts')).removeModel(await open(), title),
    );
  model
    .command('verify')
    .description(
      'Checks the sha256 of models, loads them and runs them once; with --images, compares int8 with fp32.',
    )
    .argument('[model]', 'NAME or NAME/VARIANT; else all')
    .option(
      '--images <folder>',
      'labelled images to compare on: a variant that loses too many is not chosen by itself',
    )
    .addOption(tolerance())
    .action(async (title: string | undefined, { images, tolerance }: VerifyFlags) => {
      const { compareModels: compare, verify } = await import('../../models/model.ts');
      if (images === undefined) return await verify(await open(), title);
      if (title === undefined)
        throw new ImgclsError('usage', '--images needs the name of a model.', {
          hint: 'imgcls model verify --help',
        });
      return await compare(await open(), title, { images, tolerance });
    });
  model
    .command('push')
    .description("Puts a model into the cluster's output bucket, where workers that lack it find it.")
    .argument('<model>', 'NAME or NAME/VARIANT')
    .action(async (title: string) => (await import('../../models/model.ts')).push(await open(), title));
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be 0 to 1.');
  return value;
}
