import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import type { Schemas } from "../shared/api";
import { useI18n } from "../shared/i18n";

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

/** Requests, refusals and findings per minute. */
export default function ActivityChart({ points }: { points: Schemas["ActivityPoint"][] }) {
  const { t } = useI18n();
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  useEffect(() => {
    if (!place.current) return;
    const made = init(place.current);
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    const line = (name: string, color: string, of: (point: Schemas["ActivityPoint"]) => number) => ({
      name,
      type: "line" as const,
      showSymbol: false,
      color,
      data: points.map((point) => [point.minute, of(point)]),
    });
    chart.current?.setOption({
      animation: false,
      grid: { left: 44, right: 12, top: 32, bottom: 24 },
      legend: { top: 0, left: 0 },
      // Drawn on the canvas: the page's policy admits no inline styles.
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "time" },
      yAxis: { type: "value", minInterval: 1 },
      series: [
        line(t("overview.exchanges"), "#1f6feb", (point) => point.exchanges),
        line(t("overview.refused"), "#b42318", (point) => point.refused),
        line(t("overview.findings"), "#bf8700", (point) => point.findings),
      ],
    });
  }, [points, t]);
  return <div ref={place} style={{ height: 240 }} role="img" aria-label={t("overview.activity")} />;
}
