/** A statement under another host name: its host, and scopes that are the host's. */
import type { FlowDefinition } from '../../flows/flow.js';
import type { Statement } from '../../flows/statement.js';

/** The statement itself when the names are one. */
export function renameStatement(statement: Statement, from: string, to: string): Statement {
  if (from === to || statement.host !== from) return statement;
  return {
    ...statement,
    host: to,
    flows: statement.flows.map((flow) =>
      flow.definition === undefined ? flow : { ...flow, definition: renamed(flow.definition, from, to) },
    ),
  };
}

/** `host` and `host-<netns inode>` are scopes of a host. */
function renamed(definition: FlowDefinition, from: string, to: string): FlowDefinition {
  const { scope } = definition;
  if (!scope.startsWith(from)) return definition;
  const rest = scope.slice(from.length);
  return rest === '' || /^-\d+$/.test(rest) ? { ...definition, scope: to + rest } : definition;
}
