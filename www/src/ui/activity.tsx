// The hoard at work: its queue, its transactions, its caches, and what it hears of other tabs.

import { useEffect } from "preact/hooks";
import { activity, follow, toldChanges } from "../activity";
import { bytes, integer, percent } from "../format";
import { Fact } from "./fact";

export function ActivityPanel() {
  useEffect(follow, []);
  const now = activity.value;
  return (
    <section class="activity" aria-labelledby="activity-title">
      <h2 id="activity-title">Activity of this tab</h2>
      {now && <Figures {...now} />}
      <Told />
    </section>
  );
}

function Figures({ stats, tabs }: NonNullable<typeof activity.value>) {
  const { queue, cache, page, generation } = stats;
  const perTransaction = queue.transactions > 0 ? queue.operations / queue.transactions : 0;
  const pageReads = page.hits + page.misses;
  const engineReads = cache.hits + cache.misses;
  return (
    <div class="tables">
      <table>
        <caption>Write queue</caption>
        <tbody>
          <Fact name="Waiting">{integer(Math.max(queue.waiting, page.waiting))}</Fact>
          <Fact name="Kept for want of room">{integer(queue.kept)}</Fact>
          <Fact name="Longest wait">{integer(queue.longestWaitMs)} ms</Fact>
        </tbody>
      </table>
      <table>
        <caption>Transactions</caption>
        <tbody>
          <Fact name="Writes">{integer(queue.operations)}</Fact>
          <Fact name="Transactions">
            <span data-fact="transactions">{integer(queue.transactions)}</span>
          </Fact>
          <Fact name="Writes in each">{perTransaction.toFixed(1)}</Fact>
        </tbody>
      </table>
      <table>
        <caption>Memory</caption>
        <tbody>
          <Fact name="Answered on the page">{percent(page.hits, pageReads)}</Fact>
          <Fact name="Answered by the engine">{percent(cache.hits, engineReads)}</Fact>
          <Fact name="In use">
            {bytes(cache.bytes)} of {bytes(cache.bytesMax)}
          </Fact>
        </tbody>
      </table>
      <table>
        <caption>Tabs</caption>
        <tbody>
          <Fact name="Other tabs">{tabs === null ? "unknown" : integer(tabs)}</Fact>
          <Fact name="Generation">
            <span data-fact="generation">{integer(generation)}</span>
          </Fact>
        </tbody>
      </table>
    </div>
  );
}

function Told() {
  const told = toldChanges.value;
  if (told.length === 0) return <p class="told-none">Nothing has changed since this page was opened.</p>;
  return (
    <ol class="told" aria-label="Last changes">
      {told.map(({ key, remote, generation, words }) => (
        <li key={key}>
          <span class="figure">{integer(generation)}</span>
          <span class={remote ? "told-from other" : "told-from"}>{remote ? "other tab" : "this tab"}</span>
          <span>{words}</span>
        </li>
      ))}
    </ol>
  );
}
