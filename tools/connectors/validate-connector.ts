/**
 * Both opinions about a connector: our schema's first, since its errors name our fields, then
 * Connect's and the plugin's own, which also reach the database.
 */
import type { ConnectClient, FieldProblem } from '../../connectors/connect-client.ts';
import { toConnect, type DebeziumPostgres } from '../../connectors/debezium-postgres.ts';
import { isRollguardError } from '../../kernel/errors.ts';

export interface ValidationResult {
  readonly isValid: boolean;
  /** Whose opinion the problems are; Connect is not asked about what our schema refuses. */
  readonly askedOf: 'schema' | 'connect';
  readonly problems: readonly FieldProblem[];
}

/** @param wanted throws CONNECTOR_INVALID when our schema refuses the settings */
export async function validateConnector(
  wanted: () => DebeziumPostgres,
  client: ConnectClient,
): Promise<ValidationResult> {
  let connector: DebeziumPostgres;
  try {
    connector = wanted();
  } catch (error) {
    return { isValid: false, askedOf: 'schema', problems: schemaProblems(error) };
  }
  const problems = await client.validate(toConnect(connector));
  return { isValid: problems.length === 0, askedOf: 'connect', problems };
}

function schemaProblems(error: unknown): readonly FieldProblem[] {
  if (!isRollguardError(error, 'CONNECTOR_INVALID')) throw error;
  const problems = error.context['problems'] as readonly string[];
  return problems.map((problem) => {
    const end = problem.indexOf(': ');
    return { field: problem.slice(0, end), message: problem.slice(end + 2) };
  });
}
