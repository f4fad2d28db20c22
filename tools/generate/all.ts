/** `npm run generate`: writes every generated file; drift tests fail when one was forgotten. */
import { writeFileSync } from 'node:fs';
import { renderEnvExample } from '../../kernel/settings.ts';
import { renderContractTypes } from './avro-types.ts';
import { renderErrorsReference } from './errors-reference.ts';

const root = new URL('../../', import.meta.url);
writeFileSync(new URL('.env.example', root), renderEnvExample());
writeFileSync(new URL('docs/reference/errors.md', root), renderErrorsReference());
for (const { name, text } of renderContractTypes()) {
  writeFileSync(new URL(`schemas/generated/${name}`, root), text);
}
