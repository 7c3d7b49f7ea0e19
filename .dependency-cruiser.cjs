// Imports point inward (docs/decisions/0001-layout.md). Each folder names what of ours it may import.
const mayImport = {
  core: [],
  aws: ['core'],
  local: ['core'],
  model: ['core'],
  upload: ['core'],
  worker: ['core'],
  results: ['core'],
  scaler: ['core'],
  client: ['upload', 'results', 'core'],
  web: ['client', 'photos', 'upload', 'results', 'core'],
  bench: ['client', 'scaler', 'core'],
  deploy: ['core'],
  doctor: ['scaler', 'core'],
  image: ['core'],
  photos: ['upload', 'results', 'core'],
  lambda: ['app', 'scaler', 'core'],
  app: ['aws', 'local', 'model', 'client', 'results', 'scaler', 'worker', 'core'],
};

const inward = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports-inward`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...inward,
    {
      name: 'only-aws-imports-the-sdk',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/aws/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy)/' },
    },
    {
      name: 'only-model-imports-the-runtime-and-decoders',
      comment: 'Benchmarks make their own pictures.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(model/|bench/photographs\\.ts$)' },
      to: { path: 'node_modules/(onnxruntime-node|sharp|jimp|@jimp|libheif-js)/' },
    },
    {
      name: 'core-is-pure',
      comment: 'No disk, network or process in core; the clock and randomness are passed in.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(util|stream)$' },
    },
    {
      name: 'nothing-imports-cli',
      comment:
        'The command line is one user of src/app; the library, the benchmarks and the tools are others. tools/docs describes it.',
      severity: 'error',
      from: { path: '^(src|benchmarks|tools)/', pathNot: '^(src/cli|tools/docs)/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'library-imports-app-and-client',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/((app|client|core|upload)/|imgcls-client[.]ts$)' },
    },
    {
      name: 'nothing-imports-app-but-its-users',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(app|cli|lambda|index\\.ts)' },
      to: { path: '^src/app/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
