import type { Attributes } from "../../semconv/attributes.ts";
import type { Instrument, Measurement } from "../../semconv/metrics.ts";
import { addTo, createMetricStore, type Series } from "../../sinks/otlp/metrics-store.ts";
import { type Exemplar, type Family, histogramValues } from "./family.ts";
import { labelsOf, metricName } from "./names.ts";

/** The metrics of OpenTelemetry's GenAI conventions since the start. */
export interface GenAiTotals {
  /** `exemplar`: the trace that is to stand for it, and when. */
  add(measurement: Measurement, exemplar?: Omit<Exemplar, "value">): void;
  families(): Family[];
}

/** More is a mistake of whoever made the record, and below zero a sum would not be one that only grows. */
const MAX_VALUE = 1e12;

/** `maxSeries`: of one metric. The rest is counted in a series `otel_metric_overflow="true"`. */
export function genAiTotals(maxSeries: number): GenAiTotals {
  const store = createMetricStore(maxSeries);
  const exemplars = new WeakMap<Series, (Exemplar | undefined)[]>();
  /** By attributes as they come, in their order: making labels of them and finding these is the most of the work. */
  const found = new Map<Instrument, Map<string, Series>>();

  function seriesOf(instrument: Instrument, attributes: Attributes): Series {
    let known = found.get(instrument);
    if (known === undefined) found.set(instrument, (known = new Map()));
    let key = "";
    for (const name in attributes) key += `${name}\0${attributes[name]}\0`;
    let series = known.get(key);
    if (series === undefined) {
      if (known.size >= maxSeries) known.clear();
      // As labels already: what would look the same is one series.
      known.set(key, (series = store.seriesOf(instrument, labelsOf(attributes))));
    }
    return series;
  }

  return {
    add({ instrument, value, attributes }, exemplar) {
      if (!(value >= 0 && value <= MAX_VALUE)) return;
      const series = seriesOf(instrument, attributes);
      const bucket = addTo(series, instrument.bounds, value);
      if (exemplar === undefined || instrument.kind === "counter") return;
      let latest = exemplars.get(series);
      if (latest === undefined) exemplars.set(series, (latest = []));
      latest[bucket] = { ...exemplar, value };
    },
    families: () =>
      [...store.collected].map(([instrument, all]) => {
        const { description: help, kind: type, bounds } = instrument;
        const name = metricName(instrument);
        const values = [...all.values()].flatMap((series) => {
          const labels = labelsOf(series.attributes);
          if (type === "counter") return [{ labels, value: series.sum }];
          return histogramValues(name, labels, bounds, series, exemplars.get(series));
        });
        return { name, help, type, values };
      }),
  };
}
