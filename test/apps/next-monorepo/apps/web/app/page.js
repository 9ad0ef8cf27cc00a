import { price } from "@shop/prices";

export const dynamic = "force-dynamic";

export default function Page() {
  return <h1>tea costs {price("tea")}</h1>;
}
