// Import direction, checked: left may import right (design: the layout). Anything else is an error.
const folders = {
  kernel: [],
  schemas: ['kernel'],
  stores: ['kernel', 'schemas'],
  streams: ['kernel', 'schemas', 'stores'],
  topology: ['kernel', 'schemas', 'stores', 'streams'],
  connectors: ['kernel', 'schemas'],
  database: ['kernel'],
  projections: ['kernel', 'schemas', 'stores', 'streams', 'topology', 'database'],
  capture: ['kernel', 'schemas', 'streams', 'connectors', 'database'],
  backfill: ['kernel', 'schemas', 'stores', 'streams', 'topology', 'database', 'capture'],
  reconciliation: [
    ...['kernel', 'schemas', 'stores', 'streams', 'topology', 'connectors', 'database', 'backfill'],
  ],
  api: [
    ...['kernel', 'schemas', 'stores', 'streams', 'topology', 'connectors', 'proto'],
    ...['database', 'projections', 'capture', 'backfill', 'reconciliation'],
  ],
  testing: ['kernel', 'schemas', 'stores', 'streams', 'topology'],
};
const all = [...Object.keys(folders), 'tools', 'test', 'examples', 'bench', 'proto'];

const direction = Object.entries(folders).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `${folder}/ may import ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: `^(${all.filter((other) => other !== folder && !allowed.includes(other)).join('|')}|main)(/|\\.ts)`,
  },
}));

/** A native or network library has one importer. */
const single = (library, importer) => ({
  name: `single-importer-${library.replaceAll(/[^a-z]/g, '-')}`,
  comment: `${library} is imported by ${importer} only`,
  severity: 'error',
  from: { pathNot: `^(${importer}|test/)` },
  to: { path: `node_modules/${library}/` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...direction,
    {
      name: 'topology-uses-public-engine',
      comment: 'topology/ uses the engine as any user would: through streams/index.ts',
      severity: 'error',
      from: { path: '^topology/' },
      to: { path: '^streams/(?!index\\.ts)' },
    },
    {
      name: 'nothing-imports-bench',
      severity: 'error',
      from: { pathNot: '^(bench|test)/' },
      to: { path: '^bench/' },
    },
    {
      name: 'production-without-test-code',
      severity: 'error',
      from: {
        path: '^(kernel|schemas|stores|streams|topology|connectors|database|projections|capture|backfill|reconciliation|api|main)',
      },
      to: { path: '^(testing|test)/' },
    },
    single('@node-rs', 'streams/kafka/crc32c\\.ts'),
    single('rocksdb', 'stores/rocksdb-engine\\.ts'),
    single('kafkajs', '(streams/kafka|bench/transport|bench/peers)/'),
    single('@kafkats', 'bench/peers/kafkats-peer\\.ts'),
    ...['snappy', 'lz4-napi', 'fzstd'].map((codec) =>
      single(codec, 'streams/kafka/compression\\.ts'),
    ),
    single('avsc', 'schemas/avro-codec\\.ts'),
    single('fastify', 'api/'),
    single('@grpc', 'api/grpc/'),
    single('@fastify', 'api/openapi\\.ts'),
    single('prom-client', 'api/metrics-registry\\.ts'),
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules/|\\.rollguard/)' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
