// Saves a picture that stands on the page, as it is drawn now: of a pair, or a chart.
const SCALE = 2;
const POINTER_ONLY = ".hoverlayer, .zoomlayer, .drag, .draglayer, .selectionlayer";

function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function asPng(svg) {
  const image = new Image();
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * image.naturalWidth;
  canvas.height = SCALE * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// Plotly draws on several SVGs, one upon another.
function ofChart(plot) {
  const sheets = [...plot.querySelectorAll(".main-svg")];
  if (!sheets.length) return null;
  const { width, height } = sheets[0].getBoundingClientRect();
  const whole = sheets[0].cloneNode(true);
  for (const sheet of sheets.slice(1)) {
    for (const part of sheet.children) whole.append(part.cloneNode(true));
  }
  for (const part of whole.querySelectorAll(POINTER_ONLY)) part.remove();
  whole.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  whole.setAttribute("width", width);
  whole.setAttribute("height", height);
  whole.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ground = getComputedStyle(plot.closest(".stApp")).backgroundColor;
  return onGround(whole, ground, plot.closest("[aria-label]")?.getAttribute("aria-label"));
}

function onGround(svg, ground, title) {
  const sheet = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", ground]]) {
    sheet.setAttribute(name, value);
  }
  svg.prepend(sheet);
  if (title) {
    const told = document.createElementNS("http://www.w3.org/2000/svg", "title");
    told.textContent = title;
    svg.prepend(told);
  }
  return new XMLSerializer().serializeToString(svg);
}

function picture(data) {
  if (data.svg) {
    const parsed = new DOMParser().parseFromString(data.svg, "image/svg+xml").documentElement;
    return onGround(parsed, data.ground);
  }
  if (data.chart) {
    const key = data.chart.trim().replace(/[^a-zA-Z0-9_-]/g, "-");
    const plot = document.querySelector(`.st-key-${CSS.escape(key)} .js-plotly-plot`);
    return plot && ofChart(plot);
  }
  const place = document.querySelector(data.place || ".st-key-pair_picture .ccta-root");
  return place && place.cctaPicture && place.cctaPicture.toSvg();
}

export default function (component) {
  const { data, parentElement } = component;
  for (const button of parentElement.querySelectorAll("[data-kind]")) {
    button.onclick = async () => {
      const svg = picture(data);
      if (!svg) return;
      const png = button.dataset.kind === "png";
      const blob = png ? await asPng(svg) : new Blob([svg], { type: "image/svg+xml" });
      saveAs(blob, `${data.name}.${button.dataset.kind}`);
    };
  }
}
