/** The HTTP exchange of statements: its names, for probe and app alike. */

/** Where an app takes statements. */
export const FLOWS_PATH = '/api/flows';
/** Version of what is sent there. An app says in `capabilities.flows` which one it takes; probes send reports to an app without. */
export const FLOWS_VERSION = 1;
/** Which version the asker can send: tells our probes, which have the same `User-Agent`, from Scope's. */
export const FLOWS_HEADER = 'x-topoprobe-flows';
/** The app's id, in every answer to a probe: one that built on what an earlier app knew finds out at once. */
export const APP_ID_HEADER = 'x-topoprobe-app-id';
