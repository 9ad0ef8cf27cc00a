import { createRoot } from "react-dom/client";

createRoot(document.getElementById("root")).render("hello from create-react-app");
