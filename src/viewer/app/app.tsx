import { ComparePage } from "./compare/compare-page.tsx";
import { DashboardsPage } from "./dashboards/dashboards-page.tsx";
import { IncidentsPage } from "./incidents/incidents-page.tsx";
import { Button } from "./parts/button.tsx";
import { Shell } from "./parts/shell.tsx";
import { Empty } from "./parts/states.tsx";
import { href, route } from "./router.ts";
import { SessionsPage } from "./sessions/sessions-page.tsx";
import { TracePage } from "./trace/trace-page.tsx";
import { TracesPage } from "./traces/traces-page.tsx";

export function App() {
  return (
    <Shell>
      <Current />
    </Shell>
  );
}

function Current() {
  const { page, parts } = route.value;
  switch (page) {
    case "traces":
      return <TracesPage />;
    case "trace":
      // Another trace is another page: nothing of the one before is left.
      if (parts[0]) return <TracePage key={parts[0]} traceId={parts[0]} />;
      break;
    case "compare":
      return <ComparePage />;
    case "sessions":
      return <SessionsPage />;
    case "dashboards":
      return <DashboardsPage />;
    case "incidents":
      return <IncidentsPage />;
  }
  return (
    <Empty icon="search" title="There is no such page" actions={<Button href={href("/traces")}>All traces</Button>}>
      The address names none of the viewer's pages.
    </Empty>
  );
}
