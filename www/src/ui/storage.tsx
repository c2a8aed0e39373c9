// What the recordings take, what they would take stored naively, and the two jobs that keep the storage in order.

import { useEffect, useState } from "preact/hooks";
import type { CollectReport, HoardStats, Job, Progress, VerifyReport } from "hoardb";
import { codeOf } from "../errors";
import { bytes, count, integer, percent } from "../format";
import { changes, theHoard } from "../hoard";
import { reportError, tell } from "../notices";
import { stats, refreshStats } from "../stats";
import { ActivityPanel } from "./activity";
import { Fact } from "./fact";
import { Icon } from "./icon";

export function Storage() {
  void changes.value;
  useEffect(() => refreshStats(), [changes.value]);
  return (
    <section class="page storage">
      <header class="page-head">
        <h1>Storage</h1>
        <p class="lead">Everything is kept by this browser, on this device. What repeats is kept once; text is compressed.</p>
      </header>
      {stats.value && <Figures stats={stats.value} />}
      <ActivityPanel />
      <div class="jobs">
        <Collect />
        <Verify />
      </div>
    </section>
  );
}

function Figures({ stats }: { stats: HoardStats }) {
  const { logicalBytes, storedBytes, savedByDeduplication, savedByCompression } = stats;
  const share = (part: number) => (logicalBytes > 0 ? `${Math.min(100, Math.max(0, (part / logicalBytes) * 100))}%` : "0%");
  return (
    <>
      <div class="balance">
        <div class="balance-side">
          <span class="balance-name">It would take</span>
          <strong class="figure" data-fact="logical">
            {bytes(logicalBytes)}
          </strong>
        </div>
        <div class="balance-side takes">
          <span class="balance-name">It takes</span>
          <strong class="figure" data-fact="stored">
            {bytes(storedBytes)}
          </strong>
        </div>
        <div class="balance-side saved">
          <span class="balance-name">Saved</span>
          <strong class="figure">{percent(Math.max(0, logicalBytes - storedBytes), logicalBytes)}</strong>
        </div>
      </div>
      <div
        class="balance-bar"
        role="img"
        aria-label={`Of ${bytes(logicalBytes)}, ${bytes(savedByDeduplication)} are saved by deduplication and ${bytes(savedByCompression)} by compression; ${bytes(storedBytes)} are stored.`}
      >
        <span class="stored" style={{ width: share(storedBytes) }} />
        <span class="compression" style={{ width: share(savedByCompression) }} />
        <span class="deduplication" style={{ width: share(savedByDeduplication) }} />
      </div>
      <ul class="legend">
        <li class="stored">
          Stored <span class="figure">{bytes(storedBytes)}</span>
        </li>
        <li class="compression">
          Saved by compression <span class="figure">{bytes(savedByCompression)}</span>
        </li>
        <li class="deduplication">
          Saved by deduplication <span class="figure">{bytes(savedByDeduplication)}</span>
        </li>
      </ul>

      <div class="tables">
        <table>
          <caption>What is stored</caption>
          <tbody>
            <Fact name="Sessions">{integer(stats.sessions)}</Fact>
            <Fact name="Items in lists">{integer(stats.items)}</Fact>
            <Fact name="Chunks of items">{integer(stats.chunks)}</Fact>
            <Fact name="Attachments">{integer(stats.attachments)}</Fact>
          </tbody>
        </table>
        <table>
          <caption>Attachments</caption>
          <tbody>
            <Fact name="Referred to">{bytes(stats.referencedBytes)}</Fact>
            <Fact name="Distinct">{bytes(stats.attachmentBytes)}</Fact>
            <Fact name="Stored">{bytes(stats.attachmentStoredBytes)}</Fact>
          </tbody>
        </table>
        <table>
          <caption>Metadata and items</caption>
          <tbody>
            <Fact name="As text">{bytes(stats.jsonBytes)}</Fact>
            <Fact name="Stored">{bytes(stats.jsonStoredBytes)}</Fact>
          </tbody>
        </table>
        <Quota stats={stats} />
      </div>
    </>
  );
}

function Quota({ stats }: { stats: HoardStats }) {
  const [persisted, setPersisted] = useState<boolean | null>(null);
  useEffect(() => {
    void navigator.storage?.persisted?.().then(setPersisted);
  }, []);
  const ask = async () => {
    const granted = await theHoard().persist();
    setPersisted(granted);
    tell(granted ? "The browser will keep the recordings until you delete them." : "The browser did not agree; it may ask again once you use this page more.");
  };
  const { quota } = stats;
  return (
    <table>
      <caption>The browser's quota</caption>
      <tbody>
        {quota ? (
          <>
            <Fact name="In use by this page">{bytes(quota.usage)}</Fact>
            <Fact name="Allowed">{bytes(quota.quota)}</Fact>
          </>
        ) : (
          <tr>
            <td colSpan={2}>This browser does not say.</td>
          </tr>
        )}
        {persisted !== null && (
          <tr>
            <th scope="row">When space runs short</th>
            <td>
              {persisted ? (
                "Kept"
              ) : (
                <button type="button" class="small" onClick={() => void ask()}>
                  Ask to keep
                </button>
              )}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

/** A job under way, and what it said at the end. */
interface Run<Report> {
  progress: Progress | null;
  report: Report | null;
  cancel: (() => void) | null;
}

const idle = { progress: null, report: null, cancel: null };

/** Runs one job at a time and follows its progress. */
function useJob<Report>(): [Run<Report>, (begin: () => Job<Report>) => Promise<Report | null>] {
  const [run, setRun] = useState<Run<Report>>(idle);
  const start = async (begin: () => Job<Report>) => {
    try {
      const job = begin();
      setRun({ progress: null, report: null, cancel: () => job.cancel() });
      const follow = (async () => {
        for await (const progress of job.progress) setRun((now) => ({ ...now, progress }));
      })();
      const report = await job.done;
      await follow;
      setRun({ progress: null, report, cancel: null });
      refreshStats();
      return report;
    } catch (error) {
      setRun(idle);
      if (codeOf(error) === "Cancelled") tell("Cancelled. What was done so far stays done.");
      else reportError(error);
      return null;
    }
  };
  return [run, start];
}

function JobProgress({ run, name }: { run: Run<unknown>; name: string }) {
  if (!run.cancel) return null;
  const { progress } = run;
  return (
    <div class="job-progress" role="status">
      <progress aria-label={name} {...(progress && progress.total > 0 ? { max: progress.total, value: Math.min(progress.done, progress.total) } : {})} />
      <span class="figure">
        {progress ? `${progress.phase}: ${integer(progress.done)}${progress.total > 0 ? ` of ${integer(progress.total)}` : ""} ${progress.unit}` : "Starting…"}
      </span>
      <button type="button" class="small" onClick={run.cancel}>
        Cancel
      </button>
    </div>
  );
}

const graces = [
  { words: "24 hours", ms: 24 * 3_600_000 },
  { words: "1 hour", ms: 3_600_000 },
  { words: "not at all", ms: 0 },
] as const;

function Collect() {
  const [graceMs, setGraceMs] = useState<number>(graces[0].ms);
  const [run, start] = useJob<CollectReport>();
  const collect = (dryRun: boolean) => start(() => theHoard().collect({ dryRun, graceMs }));
  const { report } = run;
  const busy = run.cancel !== null;
  return (
    <section class="job" aria-labelledby="collect-title">
      <h2 id="collect-title">Free space</h2>
      <p>Pictures and sounds that no session shows any more are kept for a while, in case another tab is about to use them.</p>
      <label class="inline">
        Keep what was deleted for{" "}
        <select value={String(graceMs)} disabled={busy} onChange={(event) => setGraceMs(Number(event.currentTarget.value))}>
          {graces.map(({ words, ms }) => (
            <option key={ms} value={String(ms)}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <div class="actions">
        <button type="button" disabled={busy} onClick={() => void collect(true)}>
          See what would go
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void collect(false)}>
          Collect
        </button>
      </div>
      <JobProgress run={run} name="Collecting" />
      {report && (
        <p class="job-report" role="status">
          <Icon name="check" />
          {report.attachments === 0
            ? report.dryRun
              ? "Nothing would be freed."
              : "There was nothing to free."
            : `${count(report.attachments, "attachment")} with ${bytes(report.bytes)} ${report.dryRun ? "would be freed" : "freed"}.`}
        </p>
      )}
    </section>
  );
}

function Verify() {
  const [full, setFull] = useState(false);
  const [repair, setRepair] = useState(false);
  const [run, start] = useJob<VerifyReport>();
  const busy = run.cancel !== null;
  const { report } = run;
  return (
    <section class="job" aria-labelledby="verify-title">
      <h2 id="verify-title">Verify</h2>
      <p>Checks that every record is whole and that everything a session refers to is there.</p>
      <label class="inline">
        <input type="checkbox" checked={full} disabled={busy} onChange={(event) => setFull(event.currentTarget.checked)} /> Also read every attachment and check its
        bytes
      </label>
      <label class="inline">
        <input type="checkbox" checked={repair} disabled={busy} onChange={(event) => setRepair(event.currentTarget.checked)} /> Mend what can be mended
      </label>
      <div class="actions">
        <button type="button" class="primary" disabled={busy} onClick={() => void start(() => theHoard().verify({ full, repair }))}>
          Verify
        </button>
      </div>
      <JobProgress run={run} name="Verifying" />
      {report && <Findings report={report} />}
    </section>
  );
}

function Findings({ report }: { report: VerifyReport }) {
  const looked = `${count(report.sessions, "session")}, ${count(report.chunks, "chunk")} and ${count(report.attachments, "attachment")}`;
  if (report.clean) {
    return (
      <p class="job-report" role="status">
        <Icon name="check" />
        All is well: {looked} checked{report.full ? ", every byte" : ""}.
      </p>
    );
  }
  return (
    <div class="job-report problem" role="status">
      <p>
        <Icon name="warning" />
        {count(report.findings.length + report.findingsLeftOut, "problem")} in {looked}.
      </p>
      <ul class="findings">
        {report.findings.map((finding) => (
          <li key={`${finding.code} ${finding.record}`}>
            <code>{finding.record}</code> {finding.problem}
            {finding.repaired ? " (mended)" : ""}
          </li>
        ))}
      </ul>
      {report.findingsLeftOut > 0 && <p>and {integer(report.findingsLeftOut)} more.</p>}
    </div>
  );
}
