/** Renders `docs/reference/errors.md` from the table of error codes; a test holds them together. */
import { errorCodes, type ErrorCodeRow } from '../../kernel/error-codes.ts';

const reactions: Record<ErrorCodeRow['reaction'], string> = {
  retry: 'tries again with back-off; nothing is lost',
  'skip-record': 'hands the record to the dead-letter topic and goes on',
  rejoin: 'drops its memory and takes ownership of the task anew',
  restore: 'sets the local copy aside and restores it from the changelog',
  stop: 'stops with the message: a person must mend something',
  reject: 'refuses the request; nothing changed',
};

export function renderErrorsReference(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, row]) =>
      `| \`${code}\` | ${row.summary} | ${reactions[row.reaction]} | ${row.http} | \`${row.grpc}\` |`,
  );
  return [
    '# Error codes',
    '',
    'Every error of Rollguard carries one of these codes. The message names the setting, field, topic or',
    'file and the remedy. Generated from `kernel/error-codes.ts` (`npm run generate`); retired codes are never reused.',
    '',
    '| code | what happened | what Rollguard does | HTTP | gRPC |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
