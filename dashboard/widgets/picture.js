// Called when the component is mounted and again whenever its data change.
// The picture hangs on its node, so that what saves it can find it.
// A picture that fills the screen; there is no button where the browser, or the page around, forbids it.
function fullScreen(root) {
  if (!document.fullscreenEnabled || root.querySelector(".ccta-full")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ccta-full";
  const name = () => {
    button.textContent = document.fullscreenElement === root ? "Leave full screen" : "Full screen";
  };
  button.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen().catch(() => button.remove());
  });
  root.addEventListener("fullscreenchange", name);
  name();
  root.append(button);
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-root");
  const onSelect = (side, index) => setTriggerValue("pin", { side, index });
  const onEdit = data.editable ? (edit) => setTriggerValue("edit", edit) : null;
  const options = Object.assign({}, data.options, { onSelect, onEdit });
  root.classList.toggle("is-waiting", data.waiting);
  root.setAttribute("aria-busy", String(data.waiting));
  if (root.cctaPicture) root.cctaPicture.update(data.payload, options);
  else root.cctaPicture = cctaRenderPair(root, data.payload, options);
  fullScreen(root);
  return () => {
    if (root.cctaPicture) root.cctaPicture.destroy();
    root.cctaPicture = null;
  };
}
