import "./style.css";

const version = "1";

document.querySelector("#app").textContent = `version ${version} at ${location.pathname}`;
