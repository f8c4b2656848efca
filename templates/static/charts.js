// Draws the charts of a page from the JSON beside each, with the colours of the style sheet. Every figure also stands in
// the table below its drawing, so nothing is lost where this does not run. Tooltips are drawn, not written as HTML: the
// content policy allows no inline style.
"use strict";

(() => {
  const language = document.documentElement.lang;
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();

  function colourOf(name) {
    const probe = document.createElement("span");
    probe.className = `dot bg-${name}`;
    probe.hidden = false;
    document.body.append(probe);
    const colour = getComputedStyle(probe).backgroundColor;
    probe.remove();
    return colour;
  }

  const number = (text) => (text === null ? null : Number(text));
  const written = (value, unit) => (value === null || value === undefined ? "—" : `${whole.format(value)} ${unit}`.trim());
  const short = (value) => new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(value);

  function base(data) {
    return {
      animation: !isStill,
      animationDuration: 300,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token("--ink") },
      aria: { enabled: false },
      grid: { left: 8, right: 24, top: data.series.length > 1 ? 44 : 16, bottom: 8, containLabel: true },
      legend: data.series.length > 1 ? { top: 0, left: 0, itemWidth: 12, itemHeight: 12, icon: "roundRect", textStyle: { color: token("--ink") } } : undefined,
      tooltip: {
        trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: data.kind === "curve" ? "line" : "shadow" },
        backgroundColor: token("--paper"), borderColor: token("--line-strong"), textStyle: { color: token("--ink"), fontSize: 13 },
        valueFormatter: (value) => written(value, data.units[data.units.length - 1]),
      },
    };
  }

  const measure = () => ({ type: "value", axisLabel: { formatter: short, color: token("--muted") }, splitLine: { lineStyle: { color: token("--line") } } });
  const names = (data) => ({
    type: "category", data: data.categories, axisTick: { show: false }, axisLine: { lineStyle: { color: token("--line-strong") } },
    axisLabel: { color: token("--ink"), width: 150, overflow: "truncate" },
  });

  function bars(data) {
    const lies = data.kind === "rows";
    const isStacked = data.kind === "stack" || (lies && data.colours.includes("lacking"));
    const category = names(data);
    if (lies) category.inverse = true;
    return {
      ...base(data),
      xAxis: lies ? measure() : category,
      yAxis: lies ? category : measure(),
      series: data.series.map((name, place) => ({
        name, type: "bar", stack: isStacked ? "all" : undefined, barMaxWidth: 28,
        data: data.values[place].map((value, row) => ({ value: number(value), itemStyle: { color: colourOf(data.colours[data.isColouredByRow ? row : place]) } })),
        itemStyle: { color: colourOf(data.colours[place]) },
      })),
    };
  }

  // A curve goes through (tonnes, price): level where the price is the same, upright where the tonnes are.
  function points(data, place, falls) {
    const rows = data.categories.map((price, row) => [number(data.values[place][row]), number(price)]);
    if (falls) rows.reverse();
    const path = [];
    let before = 0;
    for (const [tonnes, price] of rows) {
      path.push([before, price], [tonnes, price]);
      before = tonnes;
    }
    return path;
  }

  function curve(data) {
    const mark = data.mark && {
      silent: true, symbol: "none", animation: false, lineStyle: { color: token("--ink"), type: "dashed" },
      label: { formatter: (point) => (point.name === "t" ? written(number(data.mark.quantity_t), data.units[1]) : written(number(data.mark.price_fen) / 100, data.units[0])), color: token("--ink"), position: "insideEndTop" },
      data: [{ name: "t", xAxis: number(data.mark.quantity_t) }, { name: "y", yAxis: number(data.mark.price_fen) / 100 }],
    };
    const line = (place, falls) => ({
      name: data.series[place], type: "line", symbol: "none", data: points(data, place, falls), lineStyle: { width: 2.5 },
      color: colourOf(data.colours[place]), markLine: place === 0 && mark ? mark : undefined,
    });
    const base_ = base(data);
    base_.tooltip = { ...base_.tooltip, trigger: "none" };
    const price = { ...measure(), name: data.units[0], nameTextStyle: { color: token("--muted") }, scale: true };
    price.axisLabel = { color: token("--muted") };
    base_.grid = { ...base_.grid, top: 64 };
    return { ...base_, xAxis: { ...measure(), name: data.units[1] }, yAxis: price, series: [line(0, false), line(1, true)] };
  }

  function draw(figure) {
    const place = figure.querySelector(".chart-drawing");
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    if (data.kind === "rows") place.style.height = `${84 + 30 * data.categories.length}px`;
    const drawing = window.echarts.init(place, null, { renderer: "canvas" });
    drawing.setOption(data.kind === "curve" ? curve(data) : bars(data));
    new ResizeObserver(() => drawing.resize({ animation: { duration: 0 } })).observe(place);
  }

  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
})();
