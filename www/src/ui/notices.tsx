import { dismiss, notices } from "../notices";
import { Icon } from "./icon";

/** Two live regions, there from the start so that screen readers hear what is put into them. */
export function Notices() {
  const infos = notices.value.filter((notice) => notice.kind === "info");
  const problems = notices.value.filter((notice) => notice.kind === "problem");
  return (
    <div class="notices">
      <div role="alert" class="notice-stack">
        {problems.map((notice) => (
          <div class="notice problem" key={notice.key}>
            <Icon name="warning" />
            <div>
              <strong>{notice.title}</strong>
              <p>{notice.advice}</p>
            </div>
            <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={() => dismiss(notice.key)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
      <div role="status" class="notice-stack">
        {infos.map((notice) => (
          <div class="notice" key={notice.key}>
            <Icon name="check" />
            <div>{notice.title}</div>
          </div>
        ))}
      </div>
    </div>
  );
}
