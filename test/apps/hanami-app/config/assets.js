import * as assets from "hanami-assets";

await assets.run();
