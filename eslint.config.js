// Typed lint: an unawaited promise is the worst bug class of a commit protocol, so the typed rules decide.
import js from '@eslint/js';
import jest from 'eslint-plugin-jest';
import ts from 'typescript-eslint';

const sizeRules = {
  'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', 4],
  complexity: ['error', 15],
};

const directClock = [
  { object: 'Date', property: 'now', message: 'Take a Clock (kernel/clock.ts).' },
  { object: 'Math', property: 'random', message: 'Take a Random (kernel/random.ts).' },
];

export default ts.config(
  { ignores: ['dist/', 'coverage/', '.rollguard/', 'schemas/generated/', '**/*.cjs'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [ts.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      ...sizeRules,
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'House rule: named exports only.' },
        { selector: 'TSEnumDeclaration', message: 'House rule: `as const` unions, no enums.' },
      ],
    },
  },
  {
    files: ['kernel/**', 'schemas/**', 'stores/**', 'streams/**', 'topology/**', 'api/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': ['error', ...directClock],
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Only main.ts and tools/ read the environment.' },
      ],
    },
  },
  {
    files: ['kernel/clock.ts', 'kernel/random.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-globals': 'off' },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        AbortController: 'readonly',
      },
    },
  },
  {
    files: ['test/**/*.ts'],
    ...jest.configs['flat/recommended'],
    rules: {
      ...jest.configs['flat/recommended'].rules,
      'jest/expect-expect': [
        'error',
        { assertFunctionNames: ['expect', 'fc.assert', 'expect*', 'verify*'] },
      ],
      'max-lines-per-function': 'off',
      // A table test takes a row's cells as parameters; a property asserts about every case it meets.
      'max-params': 'off',
      'jest/no-conditional-expect': 'off',
      // Contract suites are exported tests.
      'jest/no-export': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  // Config files of the tools above must export a default.
  { files: ['*.config.js'], rules: { 'no-restricted-syntax': 'off' } },
);
