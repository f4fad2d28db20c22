const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    },
  ],
};
/** Long scenarios on the real stack are for `npm run test:full`. */
const longScenario = '\\.full\\.test\\.ts$';
/** Need nothing of the stack that the others share: they run beside them, with what those leave of the machine. */
const ownStack = '<rootDir>/test/integration/(start|stack).test.ts';
const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.rollguard/'],
};

export default {
  // Nothing is timed by it: on a machine that does other things too, five seconds are soon over.
  testTimeout: 30_000,
  testSequencer: './test/sequencer.mjs',
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/integration/'],
    },
    {
      ...common,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', longScenario, ownStack],
    },
    {
      ...common,
      displayName: 'own-stack',
      testMatch: [ownStack],
    },
    {
      ...common,
      displayName: 'long',
      testMatch: ['<rootDir>/test/integration/**/*.full.test.ts'],
    },
  ],
};
