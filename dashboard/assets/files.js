// Saves the picture that stands on the page, as it is drawn now.
const SCALE = 2;

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

export default function (component) {
  const { data, parentElement } = component;
  for (const button of parentElement.querySelectorAll("[data-kind]")) {
    button.onclick = async () => {
      const place = document.querySelector(".st-key-pair_picture .ccta-root");
      if (!place || !place.cctaPicture) return;
      const svg = place.cctaPicture.toSvg();
      const png = button.dataset.kind === "png";
      const blob = png ? await asPng(svg) : new Blob([svg], { type: "image/svg+xml" });
      saveAs(blob, `${data.name}.${button.dataset.kind}`);
    };
  }
}
