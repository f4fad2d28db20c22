/**
 * What every connector configuration has in common: Connect's flat map of strings, secrets by
 * reference, and errors that name the field and the remedy. A secret's value never enters a map that
 * we send or print: Connect's own config providers put it in where the task runs.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';

/** A connector's configuration as Connect keeps it. */
export type ConnectConfig = Readonly<Record<string, string>>;

/** A connector as we want it: what `reconcile.ts` compares with what Connect has. */
export interface ConnectorDefinition {
  readonly name: string;
  readonly config: ConnectConfig;
}

const referencePattern = /^\$\{(env|file|directory):[^{}$]+\}$/;

/** `${env:NAME}`, `${file:/path/to.properties:key}` or `${directory:/path:file}`. */
export const secretReference = z
  .string()
  .regex(
    referencePattern,
    'must be a reference that the Connect worker resolves, such as ${env:ROLLGUARD_CDC_PASSWORD} or ${file:/run/secrets/cdc.properties:password}; a secret itself is never sent',
  );

const secretKeyPattern = /password|secret|token|credential|\.jaas\.|api\.?key|private\.key/i;

/** The map as it may be shown: values of secret settings are hidden unless they are references. */
export function maskSecrets(config: ConnectConfig): ConnectConfig {
  const entries = Object.entries(config).map(([key, value]) => {
    const hidden = secretKeyPattern.test(key) && !referencePattern.test(value);
    return [key, hidden ? '********' : value] as const;
  });
  return Object.fromEntries(entries);
}

/** One line per thing that is wrong, each beginning with the field's path. */
export function describeIssues(error: z.ZodError): readonly string[] {
  return error.issues.map(
    (issue) => `${issue.path.join('.') || 'configuration'}: ${issue.message}`,
  );
}

/** @throws CONNECTOR_INVALID naming each field and what it must be. */
export function parseConnector<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = describeIssues(result.error);
  const message = `the connector's configuration is not valid:\n  ${problems.join('\n  ')}`;
  throw new RollguardError('CONNECTOR_INVALID', message, { context: { problems } });
}
