// Checks custom resources, which kubernetes-validate does not know: `check.mjs < resources.json`.
// The models hold to patterns and required fields; TypeScript also refuses fields that are unknown.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MODELS = {
  "argoproj.io/v1alpha1": "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};
const OPTIONS = ["--noEmit", "--strict", "--module", "nodenext", "--moduleResolution", "nodenext"];

const resources = JSON.parse(readFileSync(0, "utf8")).filter((each) => each.apiVersion in MODELS);
const lines = [];
for (const [number, resource] of resources.entries()) {
  const { apiVersion, kind, metadata } = resource;
  const model = (await import(MODELS[apiVersion]))[kind];
  try {
    new model(resource).validate();
  } catch (error) {
    console.error(`${kind}/${metadata?.name}: ${error.message}`);
    process.exitCode = 1;
  }
  lines.push(`import type { I${kind} as T${number} } from "${MODELS[apiVersion]}";`);
  lines.push(`export const ${kind}_${number}: T${number} = ${JSON.stringify(resource, null, 1)};`);
}

const folder = mkdtempSync(join(import.meta.dirname, ".check-"));
try {
  const file = join(folder, "resources.ts");
  writeFileSync(file, lines.join("\n"));
  const tsc = join(import.meta.dirname, "node_modules", ".bin", "tsc");
  const done = spawnSync(tsc, [...OPTIONS, file], { encoding: "utf8" });
  if (done.status !== 0) {
    console.error(done.error?.message ?? done.stdout);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (!process.exitCode) console.log(`${resources.length} custom resources are as their types say`);
