import { App } from "fresh";

export const app = new App();
