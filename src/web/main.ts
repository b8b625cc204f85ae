/** Puts the dashboard together: one store, fed by one live view, shown by the graph and the tables. */
import { Dashboard } from './shell/dashboard.js';

new Dashboard().start();
