/**
 * The page as a whole: which view and node are shown, and who is told of what. It has no looks of its own.
 */
import { GraphModel } from '../graph/graph-model.js';
import type { GraphView } from '../graph/graph-view.js';
import { Groups } from '../graph/groups.js';
import { openGraphView } from '../graph/open-graph-view.js';
import { readPalette } from '../graph/palette.js';
import { isAlive, isSignedIn, refusal, viewSocketUrl } from '../api/requests.js';
import { LiveView } from '../api/live-view.js';
import { GraphStore } from '../api/store.js';
import type { Delta } from '../api/wire.js';
import { DetailsPanel } from '../panels/details-panel.js';
import { find } from '../panels/elements.js';
import { searchNodes } from '../panels/search.js';
import { TableView } from '../panels/table-view.js';
import { EmptyState } from './empty-state.js';
import { Legend } from './legend.js';
import { LinkStatus } from './link-status.js';
import { Notes } from './notes.js';
import { PageLayout } from './page-layout.js';
import { RememberedPositions } from './remembered-positions.js';
import { parseRoute, routeHash, type Route } from './route.js';
import { SearchBox } from './search-box.js';
import { startTheme } from './theme.js';
import { ViewMenu } from './view-menu.js';

const NOTHING: Delta = { add: [], update: [], remove: [], reset: true };

export class Dashboard {
  readonly #store = new GraphStore();
  readonly #groups = new Groups();
  readonly #places = new RememberedPositions();
  readonly #notes = new Notes();
  readonly #empty = new EmptyState();
  readonly #status = new LinkStatus(() => this.#live?.retryNow());
  readonly #menu = new ViewMenu((topology) => this.#go({ topology, node: undefined }));
  readonly #legend = new Legend((group) => this.#search.set(group));
  readonly #tables = new TableView({ store: this.#store, onSelect: (id) => this.#select(id) });
  readonly #layout = new PageLayout(() => this.#graph?.resize());
  readonly #search = new SearchBox({
    onQuery: () => this.#showFound(),
    onStep: (id) => this.#select(id),
    onEscape: () => this.#select(undefined),
  });
  readonly #details = new DetailsPanel({
    onOpen: (topology, node) =>
      this.#go({ topology: topology === '' ? this.#route.topology : topology, node }),
    onClose: () => this.#select(undefined),
  });
  #route: Route = { topology: '', node: undefined };
  #graph: GraphView | undefined;
  #live: LiveView | undefined;

  start(): void {
    this.#openGraph();
    startTheme(find('#theme', HTMLElement), () =>
      this.#graph?.setPalette(readPalette(document.documentElement)),
    );
    void this.#offerSignOut();
    addEventListener('hashchange', () => this.#follow(parseRoute(location.hash)));
    this.#follow(parseRoute(location.hash));
  }

  #openGraph(): void {
    const palette = readPalette(document.documentElement);
    const { view, reason } = openGraphView({
      container: find('#graph', HTMLElement),
      model: new GraphModel(this.#store, this.#groups, palette),
      palette,
      onSelect: (id) => this.#select(id),
      onLost: () =>
        this.#withoutGraph('The browser has stopped drawing graphics. Reload the page to try again.'),
    });
    if (view === undefined) {
      this.#withoutGraph(reason);
      return;
    }
    this.#graph = view;
    find('#zoom-in', HTMLElement).addEventListener('click', () => view.zoom('in'));
    find('#zoom-out', HTMLElement).addEventListener('click', () => view.zoom('out'));
    find('#fit', HTMLElement).addEventListener('click', () => view.fit());
    find('#arrange', HTMLElement).addEventListener('click', () => view.arrange());
  }

  #withoutGraph(reason: string): void {
    this.#graph = undefined;
    this.#notes.noGraph(reason);
    this.#layout.withoutGraph();
  }

  #select(node: string | undefined): void {
    this.#go({ topology: this.#route.topology, node });
  }

  /** Changes the address; the page follows it. */
  #go(route: Route): void {
    const hash = routeHash(route);
    if (location.hash === hash) this.#follow(route);
    else location.hash = hash;
  }

  #follow(route: Route): void {
    const before = this.#route;
    this.#route = route;
    if (route.topology !== before.topology) this.#openView(before.topology, route.topology);
    this.#showSelected();
  }

  #openView(before: string, topology: string): void {
    this.#live?.close();
    if (this.#graph !== undefined && before !== '') this.#places.remember(before, this.#graph.places());
    this.#graph?.clear();
    this.#take(NOTHING, true);
    this.#status.reset();
    this.#menu.select(topology);
    document.title = `${this.#menu.nameOf(topology)} · Topoprobe`;
    this.#live = new LiveView({
      url: viewSocketUrl(topology, location.href),
      openSocket: (url) => new WebSocket(url),
      isAlive,
      onDelta: (delta, first) => {
        this.#take(delta, first);
        this.#status.updated();
        this.#empty.show(this.#store.nodes.size === 0);
      },
      onState: (state) => {
        this.#status.setState(state);
        if (state.kind === 'lost') void this.#explain();
        if (state.kind === 'live') this.#empty.show(this.#store.nodes.size === 0);
      },
    });
  }

  /** Why there is no connection, as far as the app says. */
  async #explain(): Promise<void> {
    try {
      const why = await refusal(location.origin);
      // The app asks for the token in the place of this page.
      if (why?.kind === 'signed-out') location.reload();
      if (why?.kind === 'refused') this.#status.refused(why.reason);
    } catch {
      // Nobody is there to say why; the banner says that much.
    }
  }

  async #offerSignOut(): Promise<void> {
    try {
      find('#sign-out', HTMLElement).hidden = !(await isSignedIn());
    } catch {
      // Nothing is offered that would not work either.
    }
  }

  #take(delta: Delta, whole: boolean): void {
    const change = this.#store.apply(delta, { replace: whole });
    this.#graph?.apply(change, this.#places.of(this.#route.topology));
    if (this.#graph === undefined) this.#groups.update(this.#store.nodes.values());
    this.#legend.draw(this.#groups);
    this.#notes.tooMany(this.#store);
    this.#showFound();
    if (this.#route.node !== undefined && change.added.some(({ id }) => id === this.#route.node))
      this.#showSelected();
  }

  #showSelected(): void {
    const { topology, node } = this.#route;
    this.#graph?.select(node);
    this.#tables.select(node);
    if (node === undefined) this.#details.close();
    else this.#details.open(topology, node, this.#store.nodes.get(node)?.label ?? node);
    this.#layout.withDetails(node !== undefined);
  }

  #showFound(): void {
    const found = searchNodes(this.#store.nodes.values(), this.#search.query);
    this.#search.showFound(found, this.#store.nodes);
    this.#graph?.showFound(found);
    this.#tables.showFound(found);
  }
}
